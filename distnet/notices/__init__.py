"""Notices of what has ended, by mail or chat."""
