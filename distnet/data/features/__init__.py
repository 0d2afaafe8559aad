"""Columns of a table as the numbers of a sample: at an import, and when rows are predicted."""
