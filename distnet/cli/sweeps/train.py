"""`distnet run` with `--sweep` or `--folds`, and `--resume` of a sweep."""

from pathlib import Path
from typing import Any

import typer

from distnet.cli.console import spinner, stderr_console
from distnet.cli.exit_codes import FAILED, STOPPED
from distnet.cli.sweeps.progress import SweepProgress
from distnet.cli.sweeps.table import export_command, show
from distnet.sweeps.sweep import Sweep, open_sweep
from distnet.sweeps.sweep import sweep as begin


def train(
    job: Path | None,
    settings: list[str],
    resume: str | None,
    runs: Path,
    *,
    draw: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Begin a sweep, or resume one; then print its table.

    Raises:
        typer.Exit: it was stopped, or none of its trials has finished.
    """
    progress = SweepProgress(stderr_console())
    try:
        swept = _trained(job, settings, resume, runs, progress, options)
    except BaseException:
        progress.say_how_to_resume()
        raise
    page = _drawn(swept) if draw else None
    table = swept.table
    show(
        table,
        job_file=swept.folder.job_file_of(table.best),
        command=export_command(swept.folder, table.best),
        page=page,
        as_json=as_json,
    )
    if swept.is_stopped:
        progress.say_how_to_resume()
        raise typer.Exit(STOPPED)
    if not any(trial.state == "finished" for trial in table.trials):
        raise typer.Exit(FAILED)


def _trained(
    job: Path | None,
    settings: list[str],
    resume: str | None,
    runs: Path,
    progress: SweepProgress,
    options: dict[str, Any],
) -> Sweep:
    if job is not None:
        return begin(job, settings, runs=runs, watch=progress, **options)
    assert resume is not None
    found = open_sweep(resume, runs)
    how = {key: options[key] for key in ("workers", "inline", "address")}
    return found.resume(**how, watch=progress)


def _drawn(sweep: Sweep) -> Path:
    with spinner(f"drawing {sweep.folder.name}"):
        return sweep.report()
