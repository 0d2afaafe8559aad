"""What a plan is made of: refused misfits, the batches of an epoch, the memory of a worker."""
