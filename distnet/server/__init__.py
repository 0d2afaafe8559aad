"""The server: submit, queue, schedule; a ledger, a scheduler, an HTTP API and a page."""
