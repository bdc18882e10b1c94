"""The HTTP API. `app` puts it together; nothing is imported here, so that others start fast."""
