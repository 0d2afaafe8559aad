"""Datasets that users have uploaded: a store on the server's disk, by content."""
