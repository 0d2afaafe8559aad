"""Samples that belong in the same batch."""
