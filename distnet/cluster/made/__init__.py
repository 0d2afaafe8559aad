"""Clusters whose machines are made, and ended, by the tool of their provider."""
