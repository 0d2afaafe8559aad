"""The gateway to Ray: snapshots of its nodes; attempts are started, polled and killed."""
