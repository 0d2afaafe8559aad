"""From the rows of a dataset to the samples of a training: see view.py. One file a kind."""
