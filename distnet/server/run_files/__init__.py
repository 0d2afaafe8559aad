"""What users get of the runs of jobs: files, and reports."""
