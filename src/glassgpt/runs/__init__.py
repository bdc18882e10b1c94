"""The run directory: what a training run keeps, and how it is written and read."""
