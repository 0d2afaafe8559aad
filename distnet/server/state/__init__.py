"""What the server knows: a mirror of the open rows of the ledger, and how it changes."""
