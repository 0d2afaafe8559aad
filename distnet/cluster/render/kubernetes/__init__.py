"""The manifests of a cluster in Kubernetes, one file a subject."""
