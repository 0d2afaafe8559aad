"""Loads of hostile clients and jobs against a real server, as bounded scripts (README.md)."""
