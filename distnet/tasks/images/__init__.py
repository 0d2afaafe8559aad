"""Find things in images."""
