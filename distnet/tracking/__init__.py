"""What a run records, sent to the trackers that its job names: MLflow, Weights & Biases."""
