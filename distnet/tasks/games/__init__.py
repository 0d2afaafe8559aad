"""Play games."""
