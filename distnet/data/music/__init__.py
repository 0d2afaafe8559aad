"""Notes: their names, and files of them."""
