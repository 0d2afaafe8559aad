"""The progress of a simulation on stderr."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from distnet.cli.console import stderr_console

QUIET_S = 2.0
BAR_EVERY_S = 0.2
LINE_EVERY_S = 10.0


@contextlib.contextmanager
def sim_progress(num_jobs: int) -> Iterator[Callable[[int], None]]:
    """Show how many jobs have ended, from the third second on: a bar, or lines in a pipe."""
    console = stderr_console()
    text = TextColumn("{task.completed:,} of {task.total:,} jobs")
    bar = Progress(text, BarColumn(), TimeRemainingColumn(), console=console, transient=True)
    task = bar.add_task("", total=num_jobs)
    next_s = time.monotonic() + QUIET_S

    def show(num_ended: int) -> None:
        nonlocal next_s
        now = time.monotonic()
        if now < next_s:
            return
        if console.is_terminal:
            bar.start()
            bar.update(task, completed=num_ended)
            next_s = now + BAR_EVERY_S
        else:
            console.print(f"{num_ended:,} of {num_jobs:,} jobs")
            next_s = now + LINE_EVERY_S

    try:
        yield show
    finally:
        bar.stop()
