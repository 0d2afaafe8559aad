"""The scheduler: which jobs start, are preempted or resized, and why. Pure functions of values."""
