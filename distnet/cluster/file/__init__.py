"""The cluster file: its sections for each provider, and its reader."""
