"""From a cluster file to what Ray's launcher or Kubernetes reads."""
