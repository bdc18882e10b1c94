"""A complete tiny GPT with glass walls."""

__version__ = "0.1.0"
