"""Jobs: submitting, admission, dependencies, schedules, and commands of users."""
