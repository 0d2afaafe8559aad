"""Loads of hostile clients, against a real server: `python -m tests.attack`."""
