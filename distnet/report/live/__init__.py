"""What is said of a run while it trains, from its records; where it is shown is a `Display`."""
