"""Data by name: the data sets that shipped job files need, one file each in `entries/`."""
