"""What is learned: one task a file, in a folder by what it learns from."""
