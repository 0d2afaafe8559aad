"""The worker: loop, slices, sum, state, checkpoints, metrics."""
