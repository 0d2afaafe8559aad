"""Random changes to training samples: one file a kind; see transform.py."""
