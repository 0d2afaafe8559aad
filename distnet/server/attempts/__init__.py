"""Attempts of jobs: started by decisions, reporting, monitored, and what becomes of the job."""
