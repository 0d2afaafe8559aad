"""Networks of numbers without an order, or of inputs of any shape."""
