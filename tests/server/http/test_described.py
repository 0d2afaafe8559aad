"""Requests made from the server's own description, by each role, against a server that runs."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.target import Target, attackable

ROLES = ("nobody", "viewer", "submitter", "admin", "attempt")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
CONFIG = """
[parameters]
"query.wait_s" = 0
"""
"""Nothing waits for more of a log: that takes up to a minute."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with attackable(tmp_path_factory.mktemp("described")) as target:
        yield target


@pytest.fixture(scope="module")
def described(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with the server's description of its API."""
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_bytes(target.server.request("GET", "/api/v1/openapi.json")[1])
    return path


@pytest.mark.check
@pytest.mark.parametrize("role", ROLES)
def test_what_is_described_is_what_comes(
    target: Target, described: Path, role: str, tmp_path: Path
) -> None:
    _send_requests(target, described, role, 36, tmp_path, "--generation-deterministic")


@pytest.mark.soak
@pytest.mark.parametrize("role", ROLES)
def test_what_is_described_is_what_comes_for_long(
    target: Target, described: Path, role: str, tmp_path: Path
) -> None:
    _send_requests(target, described, role, 120, tmp_path)


def _send_requests(
    target: Target, described: Path, role: str, seconds: int, folder: Path, *more: str
) -> None:
    """Send requests that fit the description, and others that nearly do, for some time."""
    tokens = {
        "viewer": target.tokens["eve"],
        "submitter": target.tokens["bob"],
        "admin": target.server.token,
        "attempt": target.hostile[0],
    }
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "run"]
    command += [str(described), f"--url={target.server.address}", f"--max-time={seconds}"]
    command += [f"--checks={','.join(CHECKS)}", "--phases=coverage,fuzzing", "--no-color"]
    command += ["--no-shrink", "--continue-on-failure", "--warnings=off", *more]
    if role in tokens:
        command += ["--header", f"Authorization: Bearer {tokens[role]}"]

    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr
    assert "generated" in done.stdout
