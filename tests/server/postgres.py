"""A real PostgreSQL of the tests' own, and the URL of an empty ledger on each kind of database.

Tests elsewhere get the fixtures as those here do, by importing all of them in their `conftest.py`.
One database is emptied again and again: to create one takes ten times as long.

It listens on a socket in a folder of its own only, runs as another user where we are root (it
refuses to run as root), and ends with the tests. Without PostgreSQL the tests on it are skipped.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from distnet.server.ledger import open_ledger
from distnet.server.ledger.tables import metadata
from tests import needs

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # the tests kill clients, never the machine
    "max_connections": "60",
}
OWN_SCHEMAS = """
SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The folder of the socket of a PostgreSQL, whose superuser is `postgres`."""
    binaries = _binaries()
    if binaries is None:
        needs.POSTGRESQL.skip()
    folder = Path(tempfile.mkdtemp(prefix="distnet-pg-", dir="/tmp"))
    try:
        _make(binaries, folder)
        yield str(folder)
    finally:
        _run([binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def bare_database(postgresql: str) -> str:
    """The URL of a database for tests that begin without any table."""
    return _create(postgresql, "bare")


@pytest.fixture(scope="session")
def migrated_database(postgresql: str) -> str:
    """The URL of a database for tests that begin with the tables of a ledger, all of them empty."""
    url = _create(postgresql, "migrated")
    open_ledger(url).close()
    return url


@pytest.fixture
def postgresql_url(bare_database: str) -> str:
    """The URL of a PostgreSQL database that is still empty."""
    kill_sessions(bare_database)
    with superuser(bare_database) as connection:
        schemas = connection.execute(OWN_SCHEMAS).fetchall()
        for (name,) in schemas:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        connection.execute("CREATE SCHEMA public")
    return bare_database


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger that is still empty; the test runs once on each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def harness_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same for a `Harness`: on PostgreSQL the tables are there already, and empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    url = str(request.getfixturevalue("migrated_database"))
    kill_sessions(url)
    with superuser(url) as connection:
        names = sql.SQL(", ").join(map(sql.Identifier, metadata.tables))
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))
    return url


def database_url(folder: str, name: str = "postgres") -> str:
    """The URL of a database, by the folder of the socket."""
    return f"postgresql://postgres@/{name}?host={folder}"


def superuser(url: str) -> psycopg.Connection[Any]:
    """A session of the superuser in a database, each of whose statements commits."""
    where = make_url(url)
    folder, name = str(where.query["host"]), where.database
    return psycopg.connect(host=folder, user="postgres", dbname=name, autocommit=True)


def kill_sessions(url: str) -> None:
    """End every session on the database of a ledger, as a restart or a broken network would."""
    where = make_url(url)
    with superuser(database_url(str(where.query["host"]))) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s",
            [where.database],
        )


def _create(folder: str, name: str) -> str:
    """Create a database; returns its URL."""
    with superuser(database_url(folder)) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return database_url(folder, name)


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next((p.parent for p in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)


def _make(binaries: Path, folder: Path) -> None:
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"
    made = _run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        + ["--no-locale", "--no-sync"]
    )
    assert made.returncode == 0, made.stdout
    options = " ".join(f"-c {key}='{value}'" for key, value in SETTINGS.items())
    started = _run(
        [binaries / "pg_ctl", "-D", data, "-l", log, "-o", f"{options} -k {folder}", "-w", "start"]
    )
    assert started.returncode == 0, log.read_text() if log.exists() else started.stdout


def _run(command: list[Any]) -> "subprocess.CompletedProcess[str]":
    user = _user()
    who: dict[str, Any] = {}
    if user is not None:
        who = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    with tempfile.TemporaryFile("w+") as output:
        # A server that was started keeps its output open, so a pipe would never end.
        ended = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            check=False,
            **who,
        )
        output.seek(0)
        return subprocess.CompletedProcess(ended.args, ended.returncode, output.read(), "")


def _user() -> str | None:
    """Who PostgreSQL runs as, if not as us."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
