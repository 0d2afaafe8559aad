"""Nodes that an autoscaler adds: which jobs wait for them, and how many there must be."""
