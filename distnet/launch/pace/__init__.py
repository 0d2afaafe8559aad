"""The pace of a job on one machine: what a slice, a step and an evaluation take there."""
