"""Folders and columns of images: splits, classes and what cannot be read."""
