"""Job files: from YAML text to a frozen `Job`, every fault with its line."""
