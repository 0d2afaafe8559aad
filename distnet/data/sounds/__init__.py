"""Sound files: recordings as numbers."""
