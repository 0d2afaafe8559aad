"""What nodes offer: which slots are free, at which moment, and which of them a gang gets."""
