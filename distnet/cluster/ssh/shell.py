"""Where commands run: on a host over ssh, or on this machine."""

import secrets
import shlex
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.ssh.process import Ended, Process, run

RUN_TIMEOUT_S = 60.0
SLOWEST_BYTES_PER_S = 100_000
FULL = ("No space left on device", "Disk quota exceeded")
FORBIDDEN = ("Permission denied", "Read-only file system", "Operation not permitted")


class Shell(ABC):
    """Runs commands on a host, and copies files to and from it.

    Args:
        host: the host.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.running: set[Process] = set()

    def interrupt(self) -> None:
        """End what is being run."""
        for process in list(self.running):
            process.end()

    def run(
        self,
        words: Sequence[str],
        *,
        step: str = "run",
        data: bytes = b"",
        timeout_s: float = RUN_TIMEOUT_S,
        on_line: Callable[[str], None] | None = None,
        holds_input: bool = False,
    ) -> Ended:
        """Run a command, whatever the user's shell is there; returns how it ended.

        Args:
            words: the command; without line ends, which some shells do not quote.
            step: what it is for, for errors.
            data: its stdin.
            timeout_s: the time it may take; then it is given up.
            on_line: called with each line that it prints on stdout.
            holds_input: keep its stdin open while it runs, so that it can notice if nobody waits
                for it any more.

        Raises:
            HostError: it could not be run, or not in time. An exit code is no error.
        """
        try:
            ended = run(
                self._command(words, step),
                data,
                timeout_s,
                on_line,
                running=self.running,
                holds_input=holds_input,
            )
        except subprocess.TimeoutExpired:
            raise self.timed_out(step, timeout_s) from None
        except FileNotFoundError as error:
            found = f"found no `{error.filename}` on this machine"
            raise HostError(self.host.name, step, "command", found, "install it") from None
        self._require_reached(ended, step)
        return ended

    @abstractmethod
    def _command(self, words: Sequence[str], step: str) -> Sequence[str]:
        """What is run on this machine, so that `words` run on the host.

        Raises:
            HostError: nothing can be run there now.
        """

    def _require_reached(self, ended: Ended, step: str) -> None:  # noqa: B027
        """Raise an error where it was not the command that ended, but the way to the host."""

    def put(self, data: bytes, path: str, *, mode: int = 0o600, step: str = "copy") -> None:
        """Write a file on the host: whole, or not at all.

        Args:
            data: its content.
            path: absolute, or below the home directory with `~/`.
            mode: its permissions, from the first byte on.
            step: what it is for, for errors.

        Raises:
            HostError: why not.
        """
        target, partial = quoted(path), quoted(f"{path}.{secrets.token_hex(4)}")
        folder = quoted(str(PurePosixPath(path).parent))
        script = (
            f"umask 077; mkdir -p {folder} && cat > {partial} && "
            f'test "$(wc -c < {partial})" -eq {len(data)} && chmod {mode:o} {partial} && '
            f"mv -f {partial} {target} || {{ rm -f {partial}; exit 1; }}"
        )
        timeout_s = RUN_TIMEOUT_S + len(data) / SLOWEST_BYTES_PER_S
        self.check(self.run(["sh", "-c", script], step=step, data=data, timeout_s=timeout_s), step)

    def get(self, path: str, *, step: str = "copy") -> bytes:
        """Read a file of the host.

        Raises:
            HostError: why not.
        """
        ended = self.run(["sh", "-c", f"cat {quoted(path)}"], step=step)
        self.check(ended, step)
        return ended.output

    def check(self, ended: Ended, step: str) -> None:
        """Raise an error of the host if a command did not end with 0.

        Raises:
            HostError: with the last line that the command printed on stderr.
        """
        if ended.code == 0:
            return
        last = (ended.errors.strip() or ended.stdout.strip()).splitlines()[-1:] or [
            f"the command ended with exit code {ended.code}"
        ]
        kind, remedy = _meaning(ended.errors)
        raise HostError(self.host.name, step, kind, last[0].strip(), remedy)

    def timed_out(self, step: str, timeout_s: float) -> HostError:
        """The error of a step that took too long."""
        return HostError(
            self.host.name,
            step,
            "time-out",
            f"nothing came of it within {timeout_s:.0f} s",
            "check the load of the host and the network, then run the command again",
        )


def quoted(path: str) -> str:
    """Quote a path for the shell of the host, where `~/` is the home directory."""
    if path == "~":
        return '"$HOME"'
    return f'"$HOME"/{shlex.quote(path[2:])}' if path.startswith("~/") else shlex.quote(path)


def _meaning(errors: str) -> tuple[str, str]:
    """The kind of a failed command, and what to do."""
    if any(text in errors for text in FULL):
        return "no-space", "free space on the host's disk, or set another `folder`"
    if any(text in errors for text in FORBIDDEN):
        return "no-permission", "let this user do that on the host, or set another `folder`"
    return "command", "see the message of the host"
