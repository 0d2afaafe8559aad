"""The `distnet run` of a trial: a process in a session of its own, started again after its end."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distnet.chaos.family import Family

NOT_INHERITED = ("RAY_ADDRESS", "DISTNET_RUNS")
"""Variables that would send a trial to another cluster, or its run to another folder."""


@dataclass(frozen=True)
class Command:
    """The command that a user would type."""

    job: Path
    runs: Path
    workers: int | None
    overrides: tuple[str, ...]

    def new(self, name: str) -> list[str]:
        """Arguments that start a new run."""
        sets = [word for override in self.overrides for word in ("--set", override)]
        return [str(self.job), "--name", name, "--runs", str(self.runs), *sets, *self._workers()]

    def resume(self, name: str) -> list[str]:
        """Arguments that resume it."""
        return ["--resume", str(self.runs / name), *self._workers()]

    def _workers(self) -> list[str]:
        return [] if self.workers is None else ["--workers", str(self.workers)]


class Driver:
    """Starts `distnet run`, one process at a time.

    Args:
        log: receives its stderr; its stdout is beside that.
        family: every process is added to it.
        environment: added to that of this process.
    """

    def __init__(
        self, log: Path, *, family: Family, environment: Mapping[str, str] | None = None
    ) -> None:
        inherited = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
        self._environment = inherited | dict(environment or {}) | family.environment
        self._log, self._printed = log, log.with_suffix(".json")
        self._family = family
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, arguments: Sequence[str]) -> None:
        """Start a process; the one before must have ended."""
        command = [sys.executable, "-m", "distnet.cli", "run", *arguments, "--no-report", "--json"]
        with self._log.open("ab") as log, self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=log,
                start_new_session=True,  # Ctrl-C at this terminal is not meant for it
            )
        self._family.add(self._process.pid)

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The newest process."""
        assert self._process is not None
        return self._process

    @property
    def exit_code(self) -> int | None:
        """None while it runs; below 0 for the signal that killed it."""
        return self.process.poll()

    def printed(self) -> dict[str, Any]:
        """Its last line on stdout: the result, or `{"error": {"type": ..., "message": ...}}`."""
        try:
            value = json.loads(self._printed.read_bytes().splitlines()[-1])
        except (OSError, ValueError, IndexError):
            return {}
        return value if isinstance(value, dict) else {}

    def error_type(self) -> str:
        """The class of the error that it reported; empty without one."""
        return str(self.printed().get("error", {}).get("type", ""))

    def error(self) -> str:
        """Why it ended, with its own message if there is one."""
        message = self.printed().get("error", {}).get("message")
        code = self.exit_code
        how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return f"distnet run ended ({how}): {message or f'see {self._log}'}"
