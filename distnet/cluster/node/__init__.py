"""What runs on a node of a cluster: Ray, on the head also the server, and who restarts them."""
