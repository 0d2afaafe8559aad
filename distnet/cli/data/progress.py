"""A progress bar on stderr, where that is a terminal."""

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from distnet.cli.console import stderr_console


def progress_bar(unit: str) -> Progress:
    """Make a bar that counts `unit`, such as samples."""
    console = stderr_console()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn(f"{{task.completed:,}} {unit}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
