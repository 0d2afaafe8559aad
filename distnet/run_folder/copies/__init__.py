"""Copies of runs on other machines."""
