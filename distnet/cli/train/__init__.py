"""The panel Train: runs on this machine or on a Ray cluster."""
