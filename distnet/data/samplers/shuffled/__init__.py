"""Samples by themselves, in a random order."""
