"""Which learning rate suits a job: the loss while the rate rises, and what follows from it."""
