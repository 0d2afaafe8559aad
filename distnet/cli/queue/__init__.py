"""The panel Queue: jobs on a server."""
