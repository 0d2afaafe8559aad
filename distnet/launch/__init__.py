"""Run a Job now: inline, or on Ray Train."""
