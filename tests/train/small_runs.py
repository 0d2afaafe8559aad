"""Short runs of many job files, in one set of worker processes, and what must not depend on it."""

import json
import math
import shutil
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from distnet.launch.plan import Plan, make_plan
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import RunFolder
from distnet.spec.read import JobFile, read_job
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from distnet.trained.start.start_weights import job_start_weights
from tests.train.processes import run_workers
from tests.train.test_bits import bits

OF_ONE_ATTEMPT = ("attempt", "seconds", "samples_per_second")
"""What a repetition changes in the record of a step."""


@dataclass(frozen=True)
class Planned:
    """A job and its plan, which is made once for all of its runs."""

    file: JobFile
    plan: Plan

    def assign(self, run: Path, *, is_resumed: bool = False) -> Assignment:
        """The attempt at a run in the folder `run`, which is made."""
        (run / "checkpoints").mkdir(parents=True, exist_ok=True)
        start = job_start_weights(self.file)
        if start is not None:
            RunFolder(run).start.write_bytes(start.weights)
        (run / "plan.json").write_text(json.dumps({"precision": self.plan.precision}))
        return Assignment(
            job=self.file.job.resolved(),
            job_folder=self.plan.job_folder,
            dataset=self.plan.dataset,
            run=str(run),
            precision=self.plan.precision,
            is_resumed=is_resumed,
            attempt=2 if is_resumed else 1,
            begins_with="" if start is None else start.source,
        )


def planned(path: Path, *overrides: str) -> Planned:
    """Read and plan a job file."""
    file = read_job(path, overrides=overrides)
    return Planned(file, make_plan(file))


@dataclass(frozen=True)
class SmallRun:
    """A run that has ended."""

    folder: Path
    outcomes: tuple[dict[str, Any] | str, ...]
    """What each worker returned, or the traceback of its failure."""

    @property
    def bits(self) -> tuple[Any, ...]:
        """Hashes, metrics, steps, weights and optimizer; fails the test if the run failed."""
        return bits([self._done(outcome) for outcome in self.outcomes], self.folder)

    def losses(self, *, after: int = 0) -> list[dict[str, Any]]:
        """What was recorded of each step, apart from its attempt and time."""
        return [r for r in self.records("step", without=OF_ONE_ATTEMPT) if r["step"] > after]

    def records(self, kind: str, *, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Records of one kind, in order."""
        lines = (self.folder / "metrics.jsonl").read_text().splitlines()
        found = [record for record in map(json.loads, lines) if record["kind"] == kind]
        return [{k: v for k, v in one.items() if k not in without} for one in found]

    def require_measured(self) -> None:
        """Require finite losses, and an evaluation with the task's headline metric."""
        assert all(self._done(outcome)["status"] == "finished" for outcome in self.outcomes)
        (begun,) = self.records("attempt")
        headline = begun["metrics"][0]["name"]
        measured = json.loads((self.folder / "evaluation.json").read_text())["metrics"]
        losses = [record["loss"] for record in self.losses()]

        assert f"{begun['split']}_{headline}" in self._done(self.outcomes[0])["metrics"]
        assert measured[headline] is not None
        assert losses
        assert all(map(math.isfinite, losses))

    @staticmethod
    def _done(outcome: dict[str, Any] | str) -> dict[str, Any]:
        if isinstance(outcome, str):
            pytest.fail(outcome, pytrace=False)
        return outcome


def run_all(size: int, jobs: Mapping[str, Planned], folder: Path) -> dict[str, SmallRun]:
    """Train each job on `size` workers, all in one set of processes."""
    runs = {name: folder / f"{name}-{size}" for name in jobs}
    assigned = [job.assign(runs[name]) for name, job in jobs.items()]
    outcomes = zip(*run_workers(train_all, size, folder, assigned), strict=True)
    return {name: SmallRun(runs[name], each) for name, each in zip(jobs, outcomes, strict=True)}


def run_alone(job: Planned, folder: Path, *, is_resumed: bool = False) -> SmallRun:
    """Train a job in this process."""
    assigned = job.assign(folder, is_resumed=is_resumed)
    return SmallRun(folder, tuple(train_all(WorkerGroup(), [assigned])))


def resume(job: Planned, run: SmallRun, step: int, folder: Path) -> SmallRun:
    """Continue `run` from its checkpoint of `step`, on one worker, in `folder`."""
    checkpoint = f"checkpoints/step-{step:08d}"
    shutil.copytree(run.folder / checkpoint, folder / checkpoint)
    return run_alone(job, folder, is_resumed=True)


def train_all(group: WorkerGroup, assigned: list[Assignment]) -> list[dict[str, Any] | str]:
    """Work on one attempt after the other; of one that fails, return the traceback."""
    return [_work(each, group) for each in assigned]


def _work(assignment: Assignment, group: WorkerGroup) -> dict[str, Any] | str:
    try:
        return work(assignment, group)
    except Exception:
        return f"{assignment.job.name}: {traceback.format_exc()}"
