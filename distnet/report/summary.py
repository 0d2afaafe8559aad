"""One run in a dozen values: a row of the table of runs, the head of a page."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from distnet.report.records import History
from distnet.report.run import Run
from distnet.spec.run_folder import RunFolder

Status = Literal["running", "finished", "stopped", "failed", "interrupted"]
QUIET_S = 120.0
"""A run that wrote nothing for this long, and for ten of its own pauses, is not running."""


@dataclass(frozen=True)
class Summary:
    """What a person wants to know of a run first."""

    name: str
    folder: str
    status: Status
    error: str | None
    attempts: int
    workers: int | None
    epochs: int
    epochs_planned: int | None
    steps: int
    steps_planned: int | None
    score_name: str | None
    score: float | None
    metrics: dict[str, float]
    samples_per_second: float | None
    started: float | None
    """In seconds since 1970."""
    seconds: float | None
    """At work, over all attempts."""
    size_bytes: int
    weights_sha256: str | None


def summarise(run: Run, *, now: float | None = None) -> Summary:
    """Sum up a run as it stands; `now` is in seconds since 1970."""
    history = run.history
    attempts = history.attempts
    metrics = final_metrics(run)
    return Summary(
        name=run.folder.path.resolve().name,
        folder=str(run.folder.path),
        status=status(run, now=time.time() if now is None else now),
        error=history.end.error if history.end else None,
        attempts=len(attempts),
        workers=attempts[-1].workers if attempts else _planned(run, "workers"),
        epochs=history.epochs[-1].epoch if history.epochs else 0,
        epochs_planned=_planned(run, "epochs"),
        steps=history.last_step,
        steps_planned=_planned(run, "steps"),
        score_name=run.score_name,
        score=metrics.get(f"{run.split}_{run.score_name}"),
        metrics=metrics,
        samples_per_second=samples_per_second(run),
        started=attempts[0].time if attempts else None,
        seconds=sum(history.seconds.values()) if history.seconds else None,
        size_bytes=_size(run.folder.path),
        weights_sha256=run.result.weights_sha256 if run.result else None,
    )


def status(run: Run, *, now: float) -> Status:
    """Tell how a run stands at `now`, in seconds since 1970.

    A process that was killed leaves no word: a run without an end is running for as long as its
    files keep changing.
    """
    if run.history.end:
        return run.history.end.status
    quiet = now - _last_write(run.folder)
    return "running" if quiet < max(QUIET_S, 10 * _pause(run.history)) else "interrupted"


def final_metrics(run: Run) -> dict[str, float]:
    """The newest metrics, each named `split_metric`, such as `test_accuracy`."""
    if run.result and run.result.metrics:
        return run.result.metrics
    found: dict[str, float] = {}
    for epoch in run.history.epochs[-1:]:
        found |= {f"train_{name}": value for name, value in epoch.train.items()}
    # An evaluation may be rarer than an epoch: the last one of each split counts.
    for epoch in run.history.epochs:
        for split, metrics in epoch.evaluated.items():
            found |= {f"{split}_{name}": value for name, value in metrics.items()}
    return found


def samples_per_second(run: Run) -> float | None:
    """The median over epochs, the first left out: it holds the start of everything."""
    if run.result and run.result.samples_per_second:
        return run.result.samples_per_second
    rates = [epoch.samples_per_second for epoch in run.history.epochs]
    rates = rates[1:] or rates or [step.samples_per_second for step in run.history.steps]
    rates = [rate for rate in rates if rate > 0]
    return median(rates) if rates else None


def _planned(run: Run, key: str) -> int | None:
    value = run.plan.get(key)
    return value if isinstance(value, int) else None


def _last_write(folder: RunFolder) -> float:
    written = [folder.job, folder.plan, folder.metrics, folder.checkpoints]
    if folder.logs.is_dir():
        written += folder.logs.iterdir()
    return max((stat.st_mtime for stat in _stats(written)), default=0.0)


def _pause(history: History) -> float:
    seconds = [step.seconds for step in history.steps if step.attempt == history.steps[-1].attempt]
    pauses = [after - before for before, after in zip(seconds, seconds[1:], strict=False)]
    return max(pauses, default=0.0)


def _size(folder: Path) -> int:
    files = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return sum(stat.st_size for stat in _stats(files))


def _stats(files: Iterable[Path]) -> Iterator[os.stat_result]:
    for file in files:
        # A run at work removes old checkpoints while we look.
        with suppress(FileNotFoundError):
            yield file.stat()
