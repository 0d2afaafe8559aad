"""Fault injection: a job is run again and again while real processes of it are killed."""
