"""Attempts of jobs: started by decisions, reporting, monitored, and their outcome for the job."""
