"""Whether and where `distnet.run` shows the progress of a run."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from distnet.notebook.box import Box
from distnet.notebook.card import how_to_resume
from distnet.report.live.display import Display, Lines
from distnet.report.live.progress import RunProgress
from distnet.report.text import duration
from distnet.run_folder.records.recorder import Emit
from distnet.spec.printable import printable_lines


@dataclass(frozen=True)
class Showing:
    """The listener of a run, and the display behind it if there is one."""

    listener: Emit | None
    display: Display | None = None

    def end(self, result: Mapping[str, Any]) -> None:
        """Say how the run ended, and how a stopped one is resumed."""
        if self.display is None:
            return
        folder, status = result["folder"], result["status"]
        took = f"{duration(result['seconds'])}, its start included"
        self.display.say(f"{result['run']} {status} after {took}")
        for note in result["notes"]:
            self.display.say(f"note: {note}")
        if status == "stopped":
            self.display.say(f"a checkpoint was saved; resume with: {how_to_resume(folder)}")


@contextmanager
def showing(progress: bool | None, listener: Emit | None) -> Iterator[Showing]:
    """Within the context the records of a run are shown, or go to the listener.

    Args:
        progress: whether to show them; None shows them in a notebook, unless there is a listener.
        listener: receives every record, as well.
    """
    display = _display(progress if listener is None or progress else False)
    if display is None:
        yield Showing(listener)
        return
    with RunProgress(display) as shown:

        def emit(record: dict[str, Any]) -> None:
            shown(record)
            if listener is not None:
                listener(record)

        yield Showing(emit, display)


def _display(progress: bool | None) -> Display | None:
    if progress is False:
        return None
    if is_notebook():
        return Box()
    return Lines(_write) if progress else None


def line_printer() -> Callable[[str], None]:
    """What takes lines for the user: a notebook shows them, a script does not."""
    return _write if is_notebook() else lambda _: None


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _write(line: str) -> None:
    with suppress(BrokenPipeError):  # training continues when nobody reads any more
        sys.stderr.write(f"{printable_lines(line)}\n")
        sys.stderr.flush()
