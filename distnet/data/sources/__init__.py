"""Where raw data comes from: one file a kind, with `detect` and `read`; see source.py."""
