import sqlite3
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Table

from distnet.errors import DistnetError
from distnet.protocol.errors import LedgerError, UnavailableError
from distnet.server.ledger import Ledger, jobs, open_ledger, records, tables
from distnet.server.ledger.migrate import HEAD, SCRIPTS, VERSION_TABLE
from tests.server.ledger.processes import identify, response, started
from tests.server.ledger.records import job, submit
from tests.server.postgres import database_url, superuser


def test_new_ledger_has_a_name_and_a_key_of_its_own(ledger: Ledger, tmp_path: Path) -> None:
    other = open_ledger(f"sqlite:///{tmp_path / 'other' / 'ledger.db'}")

    assert len(ledger.id) == 8
    assert set(ledger.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789")
    assert len(ledger.key) == 32
    assert (ledger.id, ledger.key) != (other.id, other.key)
    other.close()


def test_opening_again_changes_nothing_and_needs_no_alembic(
    ledger: Ledger, ledger_url: str
) -> None:
    (known,) = submit(ledger, job("a"))

    with started(identify, ledger_url) as process:
        assert response(process) == f"{ledger.id} {ledger.key.hex()} False"

    with ledger.reading() as tx:
        assert jobs.open_jobs(tx) == [known]


def test_two_processes_that_open_an_empty_ledger_make_one(ledger_url: str) -> None:
    with started(identify, ledger_url) as one, started(identify, ledger_url) as two:
        ids = {response(one).rpartition(" ")[0], response(two).rpartition(" ")[0]}

    assert len(ids) == 1
    assert "" not in ids


def test_migrations_make_the_tables_that_the_code_uses(ledger: Ledger) -> None:
    with ledger.reading() as tx:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(tx, opts=options)
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == HEAD


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (records.AttemptRecord, tables.attempts),
        (records.EventRecord, tables.events),
        (records.ScheduleRecord, tables.schedules),
        (records.User, tables.users),
        (records.Token, tables.tokens),
        (records.TeamRecord, tables.teams),
    ],
)
def test_every_field_of_a_record_has_its_column(record: type, table: Table) -> None:
    assert {field.name for field in fields(record)} == set(table.columns.keys())


def test_every_field_of_a_job_has_its_column() -> None:
    shape = {"fewest", "most", "cpus", "gpus", "selector"}
    expected = {field.name for field in fields(records.JobRecord)} - {"shape"} | shape

    assert expected == set(tables.jobs.columns.keys())


def test_ledger_of_a_newer_distnet_is_refused(ledger: Ledger, ledger_url: str) -> None:
    with ledger.transaction() as tx:
        tx.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")

    with pytest.raises(LedgerError, match="9999.*newer distnet"):
        open_ledger(ledger_url)


def test_database_with_a_table_of_another_program_is_refused_and_left_alone(
    ledger_url: str, ledger: Ledger
) -> None:
    with ledger.transaction() as tx:
        tx.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")

    with pytest.raises(LedgerError, match="has a table 'allocations' that distnet did not create"):
        open_ledger(ledger_url)


def test_migration_that_fails_leaves_nothing(ledger_url: str, ledger: Ledger) -> None:
    with ledger.transaction() as tx:  # an empty database again, but for one index
        for table in reversed(tables.metadata.sorted_tables):
            tx.exec_driver_sql(f'DROP TABLE "{table.name}"')
        tx.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        tx.exec_driver_sql("CREATE TABLE zebra (x INTEGER)")
        tx.exec_driver_sql("CREATE INDEX ix_events_job_number ON zebra (x)")

    with pytest.raises(DistnetError, match="ix_events_job_number"):
        open_ledger(ledger_url)

    with ledger.transaction() as tx:
        tx.exec_driver_sql("DROP TABLE zebra")
    open_ledger(ledger_url).close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ledger.db",
        "mysql://ada@host/ledger",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:////tmp/ledger.db?mode=ro",
        "postgresql://ada@host:port/ledger",
        "://",
    ],
)
def test_url_that_names_no_ledger_is_refused(url: str) -> None:
    with pytest.raises(LedgerError, match="expected .*sqlite:////FOLDER/ledger.db"):
        open_ledger(url)


def test_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 1000)

    with pytest.raises(LedgerError, match=r"notes.txt: damaged, or not a ledger.*another one"):
        open_ledger(f"sqlite:///{path}")

    assert path.read_text() == "not a database " * 1000


def test_folder_instead_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened: Is a directory"):
        open_ledger(f"sqlite:///{tmp_path}")


def test_damaged_file_is_reported_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_ledger(f"sqlite:///{path}")
    submit(ledger, *(job(f"job-{at}") for at in range(500)))
    ledger.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * (size - 8192))

    def use() -> None:
        damaged = open_ledger(f"sqlite:///{path}")
        try:
            with damaged.reading() as tx:
                jobs.open_jobs(tx)
        finally:
            damaged.close()

    with pytest.raises(LedgerError, match=r"ledger.db: damaged.*malformed"):
        use()


def test_damaged_bytes_that_are_no_text_are_reported_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_ledger(f"sqlite:///{path}")
    submit(ledger, job("a-name-of-its-own"))
    ledger.close()
    path.write_bytes(path.read_bytes().replace(b"a-name-of-its-own", b"\xff" * 17))

    damaged = open_ledger(f"sqlite:///{path}")
    with (
        pytest.raises(LedgerError, match=r"ledger.db: damaged.*from a backup"),
        damaged.reading() as tx,
    ):
        jobs.open_jobs(tx)
    damaged.close()


def test_a_full_disk_is_named_with_its_remedy(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    with ledger.transaction() as tx:  # as SQLite finds it where there is no space for a page
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(UnavailableError, match="full; nothing was changed; free disk space there"):
        submit(ledger, *(job(f"job-{at}") for at in range(500)))
    ledger.close()


def test_ledger_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_ledger(f"sqlite:///{path}")
    assert ledger.lead()

    rights = {file.name: file.stat().st_mode & 0o077 for file in tmp_path.iterdir()}

    assert set(rights) == {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"}
    assert set(rights.values()) == {0}
    ledger.close()


def test_commits_of_sqlite_survive_a_power_cut(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    with ledger.transaction() as tx:
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert tx.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert tx.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    ledger.close()


def test_unreachable_postgresql_is_unavailable_and_its_password_is_not_shown() -> None:
    with pytest.raises(UnavailableError, match="refused") as failed:
        open_ledger("postgresql://ada:geheim@127.0.0.1:1/ledger")

    assert "ada:***@127.0.0.1:1/ledger" in str(failed.value)
    assert "geheim" not in str(failed.value)
    assert "\n" not in str(failed.value)


def test_postgresql_without_the_database_says_so(postgresql: str) -> None:
    with pytest.raises(UnavailableError, match='"nothing" does not exist'):
        open_ledger(f"postgresql://postgres@/nothing?host={postgresql}")


def test_postgresql_of_another_encoding_is_refused(postgresql: str) -> None:
    with superuser(database_url(postgresql)) as connection:
        connection.execute("CREATE DATABASE plain ENCODING 'SQL_ASCII' TEMPLATE template0")
    try:
        with pytest.raises(LedgerError, match="SQL_ASCII, expected UTF8"):
            open_ledger(f"postgresql://postgres@/plain?host={postgresql}")
    finally:
        with superuser(database_url(postgresql)) as connection:
            connection.execute(sql.SQL("DROP DATABASE plain WITH (FORCE)"))


def test_ledgers_in_two_schemas_of_one_database_are_two(postgresql_url: str) -> None:
    first = open_ledger(postgresql_url)
    with first.transaction() as tx:
        tx.exec_driver_sql("CREATE SCHEMA other")
    second = open_ledger(f"{postgresql_url}&options=-csearch_path%3Dother")

    assert first.lead()
    assert second.lead()
    assert first.id != second.id
    with first.transaction(), second.transaction() as tx:
        assert jobs.open_jobs(tx) == []
    first.close()
    second.close()


def test_sqlite_file_is_an_ordinary_one_for_others(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_ledger(f"sqlite:///{path}")
    submit(ledger, job("a"))
    ledger.close()

    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT name, state FROM jobs").fetchall() == [("a", "waiting")]


def test_import_needs_neither_alembic_nor_psycopg() -> None:
    probe = "import distnet.server.ledger, sys; print({'alembic', 'psycopg'} & sys.modules.keys())"

    ended = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert ended.stdout == "set()\n"
