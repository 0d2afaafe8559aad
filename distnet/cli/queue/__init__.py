"""The panel Queue."""
