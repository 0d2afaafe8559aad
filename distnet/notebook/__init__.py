"""Runs in Python and in notebooks: progress while they train, and what they left."""
