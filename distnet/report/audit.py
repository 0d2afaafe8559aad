"""Prove from the records that every sample was used once per epoch, and that no step is missing.

The records hold, for each epoch, the number of samples and the sum of their hashes, which all
workers add up while they train. An audit computes both again, from the job's seed and the dataset's
manifest, and compares them with every record: at the end of each epoch, and where an attempt began
or ended within one. See `replay.py` for the other checks.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distnet.data.manifest import Manifest
from distnet.data.opening import build_order
from distnet.data.order import Batches, Order
from distnet.errors import RunError
from distnet.report.expected import Expected, OfDataset, OfNoDataset
from distnet.report.replay import Replay
from distnet.run_folder.code import copy_folder, warn_of_other_code
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.records.history import read_lines
from distnet.spec.read import read_job
from distnet.spec.reading.validation import first_damage
from distnet.spec.sections.job import Job


@dataclass(frozen=True)
class Audit:
    """The result of an audit."""

    run: str
    status: str
    """`finished`, `stopped`, `failed`, or `not ended`."""
    steps: int
    """Steps done."""
    num_steps: int
    """Steps planned."""
    epochs: int
    """Complete epochs."""
    samples: int
    """Samples per epoch; 0 where the task makes its own, of which only the steps are checked."""
    attempts: int
    causes: dict[str, int]
    """Why attempts were launched, and how often."""
    steps_recomputed: int
    """A lower bound: a process that was killed may have done steps that it had not recorded yet."""
    skips: int
    """Updates that were skipped because the loss or the gradient was not finite."""
    restarts: list[dict[str, Any]]
    faults: list[str]

    @property
    def is_clean(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """The audit as a JSON object."""
        return {**asdict(self), "clean": self.is_clean}


def audit_run(folder: RunFolder) -> Audit:
    """Check the records of a run against its job and its data.

    Raises:
        RunError: a file of the run is missing or damaged.
        JobFileError: its job file is damaged.
    """
    job = read_job(folder.job).job
    plan = read_object(folder.plan)
    expected = _expected(folder, plan, job)
    replay = Replay(folder.metrics.name, expected)
    for number, line in read_lines(folder.metrics):
        replay.read(number, line)
    replay.finish()
    return Audit(
        run=folder.name,
        status=replay.status,
        steps=replay.reached,
        num_steps=replay.num_steps,
        epochs=replay.reached // expected.steps_per_epoch,
        samples=expected.num_samples,
        attempts=sum(replay.causes.values()),
        causes=dict(replay.causes),
        steps_recomputed=replay.steps_recomputed,
        skips=len(replay.skips),
        restarts=[line.model_dump(mode="json", by_alias=True) for line in replay.restarts],
        faults=replay.faults,
    )


def _expected(folder: RunFolder, plan: Mapping[str, Any], job: Job) -> Expected:
    if job.data.source is None:
        return OfNoDataset(job.num_slices, int(plan.get("steps_per_epoch", 1)))
    order = _order(folder, plan, job, _read_manifest(folder))
    batch_size = job.train.batch_size * int(plan.get("draws", 1))
    return OfDataset(order, Batches(order.num_samples, batch_size, job.num_slices))


def _order(run: RunFolder, plan: Mapping[str, Any], job: Job, manifest: Manifest) -> Order:
    """The order of the training samples; a sampler looks at the dataset for that."""
    dataset, sha256 = Path(plan.get("dataset", "")), plan.get("code_sha256")
    if job.data.view is not None or job.data.sampler is not None:
        warn_of_other_code(run)
    code = copy_folder(run, sha256) if sha256 else Path(plan.get("job_folder", ""))
    return build_order(job, dataset, manifest, "train", folder=code, seed=job.train.seed)


def _read_manifest(folder: RunFolder) -> Manifest:
    path = folder.data_manifest
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunError(
            f"{path}: cannot be read: {error.strerror}; an audit needs this file, which a run "
            "writes at its start"
        ) from None
    except ValidationError as error:
        raise RunError(
            f"{path}: damaged at {first_damage(error)}; copy the dataset's manifest.json there"
        ) from None
