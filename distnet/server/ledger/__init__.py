"""The durable record of jobs, attempts and events, in SQLite or PostgreSQL.

    ledger = open_ledger("sqlite:////var/lib/distnet/ledger.db")
    with ledger.transaction() as tx:
        job = jobs.read_job(tx, "digits-1")

One module a subject, plain functions of a transaction and records: `jobs`, `attempts`, `events`,
`streams`, `texts`, `schedules`, `people`, `usage`.

- **One writer at a time**, on both databases alike: a transaction waits until the one before has
  ended (`BEGIN IMMEDIATE`; in PostgreSQL a lock taken with the first statement). So what a
  transaction has read stays true until it commits, numbers are given without gaps and in the order
  of commits, and nothing must ever be tried again because two collided. Commits of a server are
  short, and it has one lock of its own anyway.
- **Whole rows are saved.** The server works on records in memory; saving writes each of them as
  it is. No column can be forgotten, one compiled statement serves every change, and many rows go
  in one `executemany`. With one writer no other change can be overwritten by it.
- **Core, not ORM**: records are frozen values of their own; there is nothing to track.
"""

from sqlalchemy import Connection

from distnet.server.ledger.ledger import Ledger, open_ledger

__all__ = ["Connection", "Ledger", "open_ledger"]
