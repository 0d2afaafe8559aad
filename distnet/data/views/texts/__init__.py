"""Windows of texts."""
