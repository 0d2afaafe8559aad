"""The door to Ray: nodes are looked at, attempts are started, watched and ended."""
