"""The server's loop: take a snapshot of the cluster, monitor attempts, schedule, act."""
