"""The user's own code: networks, tasks, views and samplers from files beside the job file."""
