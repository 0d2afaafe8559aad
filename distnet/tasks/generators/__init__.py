"""Make images that are like those of the data."""
