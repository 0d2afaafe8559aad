"""What computes: one network a file."""
