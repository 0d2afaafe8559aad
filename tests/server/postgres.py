"""A real PostgreSQL of the tests' own, and the `ledger_url` of an empty ledger on each database.

Tests elsewhere get the fixtures as those here do, by importing all three in their `conftest.py`.

It listens on a socket in a folder of its own only, runs as another user where we are root (it
refuses to run as root), and ends with the tests. Without PostgreSQL the tests on it are skipped.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests import needs

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # the tests kill clients, never the machine
    "max_connections": "60",
}


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


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """The URL of a PostgreSQL database that is still empty."""
    name = f"ledger_{uuid.uuid4().hex}"
    with superuser(postgresql) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield f"postgresql://postgres@/{name}?host={postgresql}"
    finally:
        with superuser(postgresql) as connection:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger that is still empty; the test runs once on each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return str(request.getfixturevalue("postgresql_url"))


def superuser(folder: str) -> psycopg.Connection[Any]:
    """A session of the superuser, each of whose statements commits."""
    return psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True)


def kill_sessions(url: str) -> None:
    """End every session on the database of a ledger, as a restart or a broken network would."""
    where = make_url(url)
    with superuser(str(where.query["host"])) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s",
            [where.database],
        )


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
