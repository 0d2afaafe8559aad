"""Which waiting jobs may start at all at the moment: reservations, and limits of sweeps."""
