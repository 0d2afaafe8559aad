"""The panel Server."""
