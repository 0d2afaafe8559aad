"""Everything a run folder holds, as one frozen value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distnet.errors import RunError
from distnet.report.evaluation import Evaluation, read_evaluation
from distnet.run_folder.history import History, read_history
from distnet.run_folder.lock import is_held
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_bytes, read_object
from distnet.run_folder.record_kinds import Metrics, Record


class Result(Record):
    """`result.json`: what `distnet run --json` printed at the end."""

    metrics: Metrics = {}
    samples_per_second: float | None = None
    weights_sha256: str | None = None


@dataclass(frozen=True)
class Run:
    """One run, finished or not; a part that is not written yet is empty."""

    folder: RunFolder
    history: History
    plan: dict[str, Any]
    environment: dict[str, Any]
    job_text: str
    evaluation: Evaluation | None
    result: Result | None
    """None where the last attempt left none; one of an earlier attempt does not count."""

    @property
    def score_name(self) -> str | None:
        """The metric to show first: `accuracy`, `mae`, or that of the user's own task."""
        if self.evaluation and self.evaluation.score_name:
            return self.evaluation.score_name
        named = [name for name in self._score_names() if name != "loss"]
        return named[0] if named else None

    @property
    def split(self) -> str:
        """The split that was measured: `test`, or the name of another."""
        if self.evaluation:
            return self.evaluation.split
        splits = [split for epoch in self.history.epochs for split in epoch.evaluated]
        return splits[-1] if splits else "test"

    @property
    def is_held(self) -> bool:
        """Whether a process trains in the folder now: it then holds a lock on it."""
        return is_held(self.folder)

    @property
    def saved(self) -> list[str]:
        """The checkpoints that are there, oldest first; of those in another store, the newest."""
        told = self.history.checkpoints[-1:]
        if any(not record.folder.startswith(self.folder.checkpoints.name) for record in told):
            return [record.folder for record in told]
        folders = self.folder.checkpoints.glob("step-*")
        return sorted(folder.name for folder in folders if folder.is_dir())

    def _score_names(self) -> list[str]:
        steps, epochs = self.history.steps[-1:], self.history.epochs[-1:]
        return [*(k for s in steps for k in s.scores), *(k for e in epochs for k in e.train)]


def is_run(folder: Path) -> bool:
    """Tell whether `folder` is one that `distnet run` made."""
    run = RunFolder(folder)
    return any(file.is_file() for file in (run.job, run.plan, run.metrics))


def read_run(folder: RunFolder) -> Run:
    """Read a run folder.

    Raises:
        RunError: there is no run, or a file of it is damaged; a file that is missing is not.
    """
    if not is_run(folder.path):
        raise RunError(
            f"{folder.path}: no run here: expected {folder.job.name} or {folder.metrics.name}; "
            "see what there is with: distnet runs"
        )
    history = read_history(folder.metrics)
    return Run(
        folder=folder,
        history=history,
        plan=read_object(folder.plan),
        environment=read_object(folder.environment),
        job_text=read_bytes(folder.job).decode(errors="replace"),
        evaluation=read_evaluation(folder.evaluation),
        result=_read_result(folder.result, history),
    )


def _read_result(path: Path, history: History) -> Result | None:
    value = read_object(path)
    # An attempt that fails leaves the result of the one before it.
    if not value or history.end is None or value.get("status") != history.end.status:
        return None
    try:
        return Result.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RunError(
            f"{path}: damaged at {key}: {first['msg']}; delete the file to go on without it"
        ) from None
