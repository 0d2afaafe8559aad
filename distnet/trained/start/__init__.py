"""The weights that a run starts with: read, and fitted to its network."""
