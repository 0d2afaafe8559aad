"""The state of the server: a mirror of the open rows of the ledger, and changes to it."""
