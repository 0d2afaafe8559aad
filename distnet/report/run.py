"""Everything in a run folder, as one frozen value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distnet.errors import RunError
from distnet.run_folder.copies.fetched import Fetched, read_fetched
from distnet.run_folder.evaluation import EvaluationRecord, read_evaluation
from distnet.run_folder.lock import is_held
from distnet.run_folder.old_folders import old_metrics
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_bytes, read_object
from distnet.run_folder.records.history import History, read_history
from distnet.run_folder.records.kinds import Record, is_number
from distnet.spec.metric import Baseline, Metric
from distnet.spec.packages.requirements import packages_of
from distnet.spec.reading.validation import first_damage


class Result(Record):
    """`result.json`: what `distnet run --json` printed at the end."""

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
    evaluation: EvaluationRecord | None
    result: Result | None
    """None if the last attempt left none; the result of an earlier attempt does not count."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the task, the headline metric first; the loss is not among them."""
        declared = self.history.declared or (self.evaluation.declared if self.evaluation else ())
        return declared or old_metrics(self.history.names)

    @property
    def headline(self) -> Metric | None:
        """The metric that a run is judged by; None before anything is recorded."""
        return self.metrics[0] if self.metrics else None

    @property
    def baseline(self) -> Baseline | None:
        """What a simple rule reaches on the split of the result; None where none is planned."""
        facts = self.plan.get("baseline")
        final = self.history.final
        split = final.split if final else self.split
        if not isinstance(facts, dict) or facts.get("split") != split:
            return None
        metrics = facts.get("metrics")
        numbers = metrics.items() if isinstance(metrics, dict) else ()
        return Baseline(str(facts.get("name")), {k: v for k, v in numbers if is_number(v)})

    @property
    def input_kind(self) -> str:
        """The kind of the field x; empty where it is not recorded."""
        try:
            fields = read_object(self.folder.data_manifest).get("fields", {})
            return str(fields["x"]["kind"])
        except (RunError, KeyError, TypeError):
            return ""

    @property
    def code(self) -> dict[str, str]:
        """By name, the sha256 of each file of the user's own code; empty in older runs too."""
        files = self.plan.get("code")
        return {str(k): str(v) for k, v in files.items()} if isinstance(files, dict) else {}

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages of the job beside those of the nodes, with their versions."""
        lines = self.plan.get("packages")
        return packages_of([str(line) for line in lines]) if isinstance(lines, list) else ()

    @property
    def split(self) -> str:
        """The split that is evaluated."""
        written = self.evaluation.split if self.evaluation else ""
        return self.history.split or written or "test"

    @property
    def evaluated(self) -> dict[str, float]:
        """The metrics of the last evaluation, by name; empty before the first."""
        recorded = self.history.evaluations(self.split)
        if recorded:
            return recorded[-1][1]
        return self.evaluation.metrics if self.evaluation else {}

    @property
    def is_held(self) -> bool:
        """Whether a process trains it now: it holds the folder's lock.

        A copy of a server's job was training when it was copied, and has recorded no end since.
        """
        fetched = self.fetched
        was_live = fetched is not None and fetched.is_live and fetched.is_unchanged(self.folder)
        return is_held(self.folder) or (was_live and self.history.end is None)

    @property
    def fetched(self) -> Fetched | None:
        """The job of a server that this is a copy of; None of a run of this machine."""
        return read_fetched(self.folder)

    @property
    def outside(self) -> str | None:
        """Where the checkpoints are, if they are not in the folder; None if they are.

        A copy of a server's job has them in its folder, unless they are in an object store.
        """
        newest = next((record.folder for record in self.history.checkpoints[-1:]), "")
        if newest.startswith(self.folder.checkpoints.name) or not newest:
            return None
        is_copied = self.fetched is not None and "://" not in newest
        return None if is_copied else newest.rpartition("/")[0]

    @property
    def saved(self) -> list[str]:
        """The checkpoints in the folder, oldest first; in another store, the newest one only."""
        if self.outside is not None:
            return [record.folder for record in self.history.checkpoints[-1:]]
        folders = self.folder.checkpoints.glob("step-*")
        return sorted(folder.name for folder in folders if folder.is_dir())


def is_run(folder: Path) -> bool:
    """Return whether `folder` is one that `distnet run` made."""
    run = RunFolder(folder)
    return any(file.is_file() for file in (run.job, run.plan, run.metrics))


def read_run(folder: RunFolder) -> Run:
    """Read a run folder; files may be missing.

    Raises:
        RunError: there is no run, or a file of it is damaged.
    """
    if not is_run(folder.path):
        raise RunError(
            f"{folder.path}: not a run folder: expected {folder.job.name} or "
            f"{folder.metrics.name}; list the runs with: distnet runs"
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
        raise RunError(
            f"{path}: damaged at {first_damage(error)}; delete the file to continue without it"
        ) from None
