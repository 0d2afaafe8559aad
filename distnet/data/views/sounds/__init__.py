"""Recordings joined."""
