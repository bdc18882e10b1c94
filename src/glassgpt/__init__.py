"""A complete tiny GPT with glass walls."""
