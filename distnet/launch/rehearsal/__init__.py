"""A job tried on few samples before it starts: what fails then, fails early."""
