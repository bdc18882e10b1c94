"""The PyTorch engine, on one device or on many processes."""
