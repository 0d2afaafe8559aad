"""One attempt at a job, on the cluster: the process that the server has Ray begin."""
