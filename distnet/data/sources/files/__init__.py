"""Files below a folder: which are read, and the split and class that each belongs to."""
