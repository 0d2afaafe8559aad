"""Call `distnet` on a folder of runs, and read what it prints."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from distnet.cli.main import app
from distnet.errors import RunError


def call(*arguments: str, runs: Path | None = None) -> Result:
    options = {"DISTNET_RUNS": str(runs)} if runs else {}
    return CliRunner(env=options).invoke(app, arguments)


def parsed(*arguments: str, runs: Path) -> Any:
    result = call(*arguments, "--json", runs=runs)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def error_of(*arguments: str, runs: Path) -> str:
    result = call(*arguments, runs=runs)
    assert isinstance(result.exception, RunError)
    assert result.stdout == ""
    return str(result.exception)
