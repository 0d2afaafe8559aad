"""The checks, by what they look at. A new one is a function with `@on_node` or `@on_cluster`."""
