"""The records of a run: `metrics.jsonl`, its kinds of lines, and event files."""
