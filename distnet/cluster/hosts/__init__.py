"""The steps that make a host a node of the cluster, and back."""
