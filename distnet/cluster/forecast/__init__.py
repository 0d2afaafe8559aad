"""How long a job would take on W workers, and what it would cost, from a few measured values."""
