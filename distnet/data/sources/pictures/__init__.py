"""Folders and columns of pictures: splits, classes and what cannot be read."""
