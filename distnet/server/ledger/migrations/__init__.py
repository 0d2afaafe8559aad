"""Migrations: one file a change, run by Alembic in the order of `down_revision`.

A change of `tables.py` needs a new file in `versions/` and a new `HEAD` in `migrate.py`; a released
file is never edited. Migrations run on SQLite and PostgreSQL; a test compares the outcome.
"""
