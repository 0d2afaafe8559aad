"""The panel Data: datasets."""
