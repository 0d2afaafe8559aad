"""One live line a host on a terminal; in a pipe a line for each step."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.live import Live
from rich.table import Table
from rich.text import Text

from distnet.cli.console import stderr_console
from distnet.cluster.hosts.fleet import HostProgress

REFRESH_PER_S = 5
MOST_DETAIL = 60
STYLES = {"up": "green", "done": "green", "wait": "blue", "failed": "red"}


class Lines:
    """What each host is doing.

    Args:
        names: of the hosts, in the order of the file.
        is_quiet: whether nothing is shown.
    """

    def __init__(self, names: Sequence[str], *, is_quiet: bool) -> None:
        self._console = stderr_console(is_quiet=is_quiet)
        self._steps = {name: ("wait", "") for name in names}
        self._since = dict.fromkeys(names, time.monotonic())
        self._lock = threading.Lock()

    @contextmanager
    def shown(self) -> Iterator[HostProgress]:
        """Show them; yields the function that changes them."""
        if not self._console.is_terminal:
            yield self._print
            return
        with Live(
            get_renderable=self._table,
            console=self._console,
            refresh_per_second=REFRESH_PER_S,
        ):
            yield self._change

    def _change(self, host: str, step: str, detail: str) -> bool:
        """Note a step; returns whether it is another one than before."""
        with self._lock:
            is_new = self._steps.get(host, ("", ""))[0] != step
            self._steps[host] = (step, detail)
            if is_new:
                self._since[host] = time.monotonic()
            return is_new

    def _print(self, host: str, step: str, detail: str) -> None:
        if self._change(host, step, detail):
            self._console.print(Text(f"{host}: {step} {detail}".rstrip()))

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        with self._lock:
            for host, (step, detail) in self._steps.items():
                seconds = "" if step in ("up", "done") else f"{now - self._since[host]:.0f} s"
                style = STYLES.get(step, "cyan")
                table.add_row(
                    Text(host), Text(step, style=style), seconds, Text(detail[:MOST_DETAIL])
                )
        return table
