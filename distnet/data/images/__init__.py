"""Encoded images: recognised, opened, decoded and drawn."""
