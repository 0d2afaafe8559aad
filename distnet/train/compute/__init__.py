"""What one worker computes: flat vectors, the gradient of a slice, optimizers, evaluation."""
