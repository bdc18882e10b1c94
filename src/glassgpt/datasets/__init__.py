"""Lists to learn from: bundled ones, a famous one to download, and anybody's own."""

from glassgpt.datasets.lists import Dataset, Report, from_texts
from glassgpt.datasets.loader import load, read_documents
from glassgpt.datasets.opening import names_corpus, open_corpus, open_data
from glassgpt.datasets.registry import BUNDLED, REGISTRY, Entry, Recipe

__all__ = [
    "BUNDLED",
    "REGISTRY",
    "Dataset",
    "Entry",
    "Recipe",
    "Report",
    "from_texts",
    "load",
    "names_corpus",
    "open_corpus",
    "open_data",
    "read_documents",
]
