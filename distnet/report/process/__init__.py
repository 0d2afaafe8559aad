"""A report that is drawn in a process of its own."""
