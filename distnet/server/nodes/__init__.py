"""What administrators do with nodes: drain and resume them."""
