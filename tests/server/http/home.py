"""A user's home, and the server as a process; there is no Ray behind it."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from distnet.cli.main import main

NO_RAY = "http://127.0.0.1:9"


class Home:
    """A user's home: configuration and ledger of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("DISTNET")},
            "DISTNET_CONFIG": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
        }

    @property
    def contexts(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads((self.folder / "config" / "contexts.json").read_text())
        return known

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def token(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`distnet server token` in this process, which has imported what it needs."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environment, clear=True),
            chdir(self.folder),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main(["server", "token", *arguments])
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    @contextmanager
    def server(self, *arguments: str, listen: str = "127.0.0.1:0") -> Iterator["Running"]:
        """A server that responds; killed at the end if it still runs."""
        command = self.command("start", "--json", "--listen", listen, "--ray", NO_RAY, *arguments)
        with subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield Running(process, self)
            finally:
                process.kill()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "distnet.cli", "server", *arguments]


class Running:
    """A server process."""

    def __init__(self, process: "subprocess.Popen[str]", home: Home) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        self.facts: dict[str, Any] = json.loads(line)
        self._home = home

    @property
    def client(self) -> httpx.Client:
        token = self._home.contexts["contexts"][self.facts["context"]]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.facts["address"], headers=headers, timeout=30)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; returns the exit code and what was said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said
