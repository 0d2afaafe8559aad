"""The agent: the process that Ray starts for one attempt at a job."""
