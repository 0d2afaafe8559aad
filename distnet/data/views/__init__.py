"""From the rows of a dataset to the samples of a training: one file a kind; see view.py."""
