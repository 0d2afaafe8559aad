"""Limits on what clients may take: connections, heads, requests, turns."""
