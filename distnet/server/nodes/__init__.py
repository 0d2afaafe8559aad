"""What admins do with nodes: drain and resume them, reserve them."""
