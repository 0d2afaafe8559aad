"""Limits of teams, and what they say of thousands of waiting jobs at once."""
