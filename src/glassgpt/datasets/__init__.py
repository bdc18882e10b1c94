"""Lists to learn from: bundled ones, a famous one to download, and anybody's own."""

from glassgpt.datasets.loader import Dataset, Report, load, read_documents
from glassgpt.datasets.registry import BUNDLED, REGISTRY, Entry, Recipe

__all__ = ["BUNDLED", "REGISTRY", "Dataset", "Entry", "Recipe", "Report", "load", "read_documents"]
