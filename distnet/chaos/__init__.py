"""Faults on purpose: a job run again and again while real processes of it are killed."""
