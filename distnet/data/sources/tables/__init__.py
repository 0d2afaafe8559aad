"""Tables of any source: columns, numbers, labels and classes."""
