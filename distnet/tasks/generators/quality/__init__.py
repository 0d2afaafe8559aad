"""What the tasks that generate images share: their noise, and how good they are."""
