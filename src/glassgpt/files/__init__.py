"""Files that are there whole or not at all: written atomically, checked when read."""
