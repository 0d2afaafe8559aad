"""The kinds of fields that a dataset can have: one file a kind; see field.py."""
