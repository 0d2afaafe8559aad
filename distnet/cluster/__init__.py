"""Clusters from a cluster file: reading it, and what Ray and Kubernetes need of it."""
