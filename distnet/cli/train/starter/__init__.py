"""The first job file for a dataset: one module a kind of data, and what all files have."""
