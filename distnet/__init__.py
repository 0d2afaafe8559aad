"""Train neural networks in parallel from one job file."""
