"""Datasets that were copied to this machine: by content, bounded, the least used removed first."""
