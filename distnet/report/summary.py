"""One run in a dozen values: a row of the table of runs, the head of a page."""

import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from distnet.report.best import Best, better_than
from distnet.report.measured import Measured, headline_of, last_measured
from distnet.report.run import Run
from distnet.spec.metric import Baseline

Status = Literal["running", "finished", "stopped", "failed", "interrupted"]


@dataclass(frozen=True)
class Summary:
    """The facts of a run that are looked at first."""

    name: str
    folder: str
    status: Status
    error: str | None
    stopped_early: str | None
    """Why it finished before its last step."""
    attempts: int
    workers: float | None
    epochs: int
    epochs_planned: float | None
    """Not an integer if the job gives a number of steps."""
    steps: int
    steps_planned: float | None
    train_loss: float | None
    headline: Measured | None
    """The headline metric of the last evaluation; None before the first."""
    baseline: Baseline | None
    """What a simple rule reaches on the same split; None where none is known."""
    measured: tuple[Measured, ...]
    """All metrics of the newest epoch and of the last evaluation."""
    better: Best | None
    """An earlier evaluation, if it was better than the last one by the headline metric."""
    samples_per_second: float | None
    started: float | None
    """In seconds since 1970."""
    seconds: float | None
    """Of training, over all attempts."""
    size_bytes: int
    weights_sha256: str | None

    @property
    def metrics(self) -> dict[str, float]:
        """The measured values by key, such as `test_accuracy`."""
        return {one.key: one.value for one in self.measured}

    def to_dict(self) -> dict[str, Any]:
        """The summary as a JSON object."""
        facts = asdict(self)
        del facts["measured"]
        headline = self.headline and self.headline.to_dict()
        better = self.better and self.better.to_dict()
        return {**facts, "headline": headline, "metrics": self.metrics, "better": better}

    @property
    def result(self) -> str:
        """The headline metric and what a simple rule reaches: `test accuracy 95.88% (...)`."""
        return f"{self.headline.name} {self.headline.text}{self.beside}" if self.headline else ""

    @property
    def beside(self) -> str:
        """What stands behind the headline metric: ` (majority class: 11.35%)`, or nothing."""
        headline, baseline = self.headline, self.baseline
        if headline is None or baseline is None or headline.metric.name not in baseline.metrics:
            return ""
        return f" ({baseline.text(headline.metric)})"

    @property
    def is_unmeasured(self) -> bool:
        """Whether the run ended without an evaluation: there were no samples to evaluate on."""
        return self.status == "finished" and self.headline is None


@dataclass(frozen=True)
class AttemptRow:
    """One attempt of a run, and how it ended."""

    attempt: int
    launch: str
    workers: int
    step: int
    """The step it began after."""
    time: float
    seconds: float | None
    ended: Status
    cause: str = ""
    """Why it was launched: start, resume, resize, drain, or a kind of failure."""
    failure: str | None = None
    """The kind of failure that ended it."""
    ended_at: int | None = None
    """The step at which it ended."""

    @property
    def end(self) -> str:
        """How it ended, in a few words."""
        why = f": {self.failure.replace('_', ' ')}" if self.failure else ""
        return f"{self.ended}{why}"


def summarise(run: Run) -> Summary:
    """Sum up a run as it stands."""
    history = run.history
    attempts = history.attempts
    return Summary(
        name=run.folder.path.resolve().name,
        folder=str(run.folder.path),
        status=status(run),
        error=history.end.error if history.end else None,
        stopped_early=history.end.early if history.end else None,
        attempts=len(attempts),
        workers=attempts[-1].workers if attempts else _planned(run, "workers"),
        epochs=history.epochs[-1].epoch if history.epochs else 0,
        epochs_planned=_planned(run, "epochs"),
        steps=history.last_step,
        steps_planned=_planned(run, "steps"),
        train_loss=history.train_loss,
        headline=headline_of(run),
        baseline=run.baseline,
        measured=tuple(last_measured(run)),
        better=better_than(run),
        samples_per_second=samples_per_second(run),
        started=attempts[0].time if attempts else None,
        seconds=sum(history.seconds.values()) if history.seconds else None,
        size_bytes=folder_size(run.folder.path),
        weights_sha256=run.result.weights_sha256 if run.result else None,
    )


def status(run: Run) -> Status:
    """Return the state of a run; one that was killed has recorded no end and holds no lock."""
    if run.history.end and not run.is_held:
        return run.history.end.status
    return "running" if run.is_held else "interrupted"


def attempt_rows(run: Run, summary: Summary) -> list[AttemptRow]:
    """List the attempts; one without a recorded end was interrupted, unless it runs now."""
    last = run.history.attempts[-1:]
    rows = []
    for one in run.history.attempts:
        end = run.history.ends.get(one.attempt)
        unrecorded: Status = summary.status if one in last else "interrupted"
        rows.append(
            AttemptRow(
                attempt=one.attempt,
                launch=one.launch,
                workers=one.workers,
                step=one.step,
                time=one.time,
                seconds=run.history.seconds.get(one.attempt),
                ended=end.status if end else unrecorded,
                cause=one.cause,
                failure=end.failure if end else None,
                ended_at=end.step if end else None,
            )
        )
    return rows


def samples_per_second(run: Run) -> float | None:
    """Return the median over the epochs but the first, which includes the start of training."""
    if run.result and run.result.samples_per_second:
        return run.result.samples_per_second
    rates = [epoch.samples_per_second for epoch in run.history.epochs]
    rates = rates[1:] or rates or [step.samples_per_second for step in run.history.steps]
    rates = [rate for rate in rates if rate > 0]
    return median(rates) if rates else None


def _planned(run: Run, key: str) -> float | None:
    value = run.plan.get(key)
    return value if isinstance(value, int | float) else None


def folder_size(folder: Path) -> int:
    """The bytes of all files below a folder."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            # A run that trains may delete old checkpoints meanwhile.
            with suppress(FileNotFoundError):
                total += Path(root, name).stat().st_size
    return total
