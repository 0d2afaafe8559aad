"""Folders and columns of images: splits, classes, boxes and what cannot be read."""
