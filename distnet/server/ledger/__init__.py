"""The ledger: the durable database of jobs, attempts and events, in SQLite or PostgreSQL.

    ledger = open_ledger("sqlite:////var/lib/distnet/ledger.db")
    with ledger.transaction() as tx:
        job = jobs.read_job(tx, "digits-1")

One module a subject, with plain functions of a transaction and records: `jobs`, `attempts`,
`events`, `streams`, `texts`, `schedules`, `users`, `usage`.

- **One writer at a time**, on both databases: a transaction waits until the one before has ended
  (`BEGIN IMMEDIATE`; in PostgreSQL a lock that the first statement takes). So what a transaction
  has read stays true until it commits, numbers have no gaps and follow the order of commits, and no
  transaction has to be retried after a conflict. Commits of a server are short, and it has one lock
  anyway. Another program's transaction is waited for without that lock (`Ledger.patiently`).
- **Whole rows are saved.** The server changes records in memory; saving writes all their columns.
  No column can be forgotten, one compiled statement serves every change, and many rows go into one
  `executemany`. With one writer this cannot overwrite another change.
- **Core, not ORM**: records are frozen values; there is nothing to track.
"""

from sqlalchemy import Connection

from distnet.server.ledger.ledger import Ledger, open_ledger

__all__ = ["Connection", "Ledger", "open_ledger"]
