"""The server's loop: look at the cluster, decide, act."""
