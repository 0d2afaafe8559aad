"""Submit, queue, schedule: one process with a ledger, a scheduler, an HTTP API and a page."""
