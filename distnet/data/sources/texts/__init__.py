"""Texts in a column of a table."""
