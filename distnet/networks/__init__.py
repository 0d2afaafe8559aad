"""What computes: one network a file, in a folder by what it computes on."""
