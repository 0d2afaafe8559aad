"""Networks that hear recordings."""
