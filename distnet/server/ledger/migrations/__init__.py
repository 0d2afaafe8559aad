"""How the tables came to be: one file a change, run by Alembic in the order of `down_revision`.

A change of `tables.py` is a new file in `versions/` and a new `HEAD` in `migrate.py`; a file that
was released is never edited. It must run on SQLite and PostgreSQL; a test compares the outcome.
"""
