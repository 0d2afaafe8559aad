"""A local process whose output is read, and whose input is written, in threads."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

END_S = 2.0


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it printed."""

    code: int
    output: bytes
    errors: str

    @property
    def stdout(self) -> str:
        """Its output as text."""
        return self.output.decode(errors="replace")


class Process:
    """A process in a session of its own, so that Ctrl-C at the terminal is not meant for it.

    Args:
        command: its words.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._output: list[bytes] = []
        self._errors: list[bytes] = []
        self._threads: list[threading.Thread] = []

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def read(self, on_line: Callable[[str], None] | None = None) -> None:
        """Begin to read its output."""
        self._thread(self._read_output, on_line)
        self._thread(self._read_errors)

    def write(self, data: bytes, *, closes: bool = True) -> None:
        """Write its input, and close it."""
        self._thread(self._write, data, closes)

    def wait(self, timeout_s: float | None = None) -> Ended:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        code = self._process.wait(timeout_s)
        for thread in self._threads:
            thread.join(END_S)
        return Ended(code, b"".join(self._output), self.errors)

    @property
    def errors(self) -> str:
        """What it has printed on stderr so far."""
        return b"".join(self._errors).decode(errors="replace").replace("\r\n", "\n")

    def end(self) -> None:
        """End it if it runs: close its input, then SIGTERM, then SIGKILL."""
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        for number in (0, signal.SIGTERM, signal.SIGKILL):  # 0 does nothing
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.send_signal(number)
                self._process.wait(END_S)
                return

    def _thread(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _read_output(self, on_line: Callable[[str], None] | None) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._output.append(line)
            if on_line is not None:
                on_line(line.decode(errors="replace").rstrip("\r\n"))

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._errors.append(line)

    def _write(self, data: bytes, closes: bool) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it need not read all of it
            self._process.stdin.write(data)
            self._process.stdin.flush()
            if closes:
                self._process.stdin.close()


def run(
    command: Sequence[str],
    data: bytes,
    timeout_s: float,
    on_line: Callable[[str], None] | None,
    *,
    running: set[Process],
    holds_input: bool = False,
) -> Ended:
    """Run a command to its end.

    Args:
        command: its words.
        data: its stdin.
        timeout_s: the time it may take.
        on_line: called with each line of its output.
        running: contains the process while it runs.
        holds_input: keep its stdin open until it ends.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was ended.
        FileNotFoundError: there is no such program.
    """
    process = Process(command)
    running.add(process)
    try:
        process.read(on_line)
        process.write(data, closes=not holds_input)
        return process.wait(timeout_s)
    finally:
        process.end()
        running.discard(process)
