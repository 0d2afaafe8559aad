"""Prove from the records that every sample was used once an epoch, and that no step is missing.

The records tell the samples of an epoch as their number and the sum of their hashes, which all
workers have added up while they trained. Here the same is worked out anew, from the job's seed and
the dataset's manifest, and compared wherever the records tell it: at each epoch, and where an
attempt began or ended in the middle of one. See `walk.py` for what else is checked.
"""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from distnet.data.manifest import Manifest
from distnet.data.order import Batches, order_of
from distnet.errors import RunError
from distnet.report.walk import Walk
from distnet.run_folder.history import read_lines
from distnet.run_folder.paths import RunFolder
from distnet.spec.read import read_job


@dataclass(frozen=True)
class Audit:
    """What the records of a run prove."""

    run: str
    status: str
    """`finished`, `stopped`, `failed`, or `not ended`."""
    steps: int
    """Updates of the weights in all, none missing."""
    num_steps: int
    """How many there are to be."""
    epochs: int
    """Whole epochs."""
    samples: int
    """Of an epoch."""
    attempts: int
    causes: dict[str, int]
    """Why attempts were made, and how often."""
    steps_recomputed: int
    """At least: where a process was killed, it may have come a little further than it told."""
    skips: int
    """Updates that were passed over because loss or gradient were no numbers."""
    restarts: list[dict[str, Any]]
    faults: list[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "clean": self.is_clean}


def audit_run(folder: RunFolder) -> Audit:
    """Check the records of a run against what its job and data say.

    Raises:
        RunError: a file of the run is missing or damaged.
        JobFileError: its job file is damaged.
    """
    job = read_job(folder.job).job
    manifest = _read_manifest(folder)
    order = order_of(manifest, "train", memory_bytes=job.data.memory, seed=job.train.seed)
    batches = Batches(order.num_samples, job.train.batch_size, job.num_slices)
    walk = Walk(folder.metrics.name, order, batches)
    for number, line in read_lines(folder.metrics):
        walk.read(number, line)
    walk.finish()
    return Audit(
        run=folder.name,
        status=walk.status,
        steps=walk.reached,
        num_steps=walk.num_steps,
        epochs=walk.reached // batches.steps_per_epoch,
        samples=order.num_samples,
        attempts=sum(walk.causes.values()),
        causes=dict(walk.causes),
        steps_recomputed=walk.steps_recomputed,
        skips=len(walk.skips),
        restarts=[line.model_dump(mode="json", by_alias=True) for line in walk.restarts],
        faults=walk.faults,
    )


def _read_manifest(folder: RunFolder) -> Manifest:
    path = folder.data_manifest
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunError(
            f"{path}: cannot be read: {error.strerror}; an audit needs it, and a run writes it at "
            "its beginning"
        ) from None
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise RunError(
            f"{path}: damaged at {key or 'the top'}; copy manifest.json of the dataset there"
        ) from None
