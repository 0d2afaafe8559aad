"""Progress bars on stderr, where that is a terminal."""

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from distnet.cli.console import stderr_console


def progress_bar(unit: str) -> Progress:
    """Make a bar that counts `unit`, such as samples."""
    number = TextColumn(f"{{task.completed:,}} {unit}")
    return _bar(SpinnerColumn(), _description(), BarColumn(), number, TimeRemainingColumn())


def transfer_bar() -> Progress:
    """Make a bar that counts bytes, with their rate and the time that is left."""
    rate = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return _bar(_description(), BarColumn(), *rate)


def _description() -> TextColumn:
    return TextColumn("{task.description}", markup=False)


def _bar(*columns: ProgressColumn) -> Progress:
    console = stderr_console()
    is_quiet = not console.is_terminal
    return Progress(*columns, console=console, transient=True, disable=is_quiet)
