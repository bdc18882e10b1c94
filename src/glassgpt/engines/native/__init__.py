"""The C kernel and the engine around it."""
