"""What a run has learned, for another one that begins with it.

The new run keeps the weights in its own folder, so that it can be repeated to the last bit whatever
becomes of the other. Only weights and buffers go over: step, optimizer and data begin anew.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.spec.read import read_job
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.checkpoint.store import open_store


@dataclass(frozen=True)
class Learned:
    """The weights of a run's newest checkpoint."""

    run: str
    step: int
    weights: bytes
    """As a safetensors file."""

    def to_dict(self) -> dict[str, object]:
        """What `environment.json` of the new run says of them."""
        sha256 = hashlib.sha256(self.weights).hexdigest()
        return {"run": self.run, "step": self.step, "sha256": sha256}


def read_learned(run: RunFolder) -> Learned:
    """Read what a run has learned so far.

    Raises:
        RunError: there is no such run.
        CheckpointError: it has no whole checkpoint.
        StorageError: the store of its checkpoints does not answer.
    """
    if not run.job.is_file() or not run.plan.is_file():
        raise RunError(f"{run.path}: found no run there to begin with (job.yaml is missing)")
    job_folder = Path(str(read_object(run.plan).get("job_folder", "")))
    job = read_job(run.job, folder=job_folder).job
    store = open_store(job.checkpoint.store, run=run, job_folder=job_folder)
    state = read_newest(store)
    return Learned(run.path.resolve().name, state.step, save(dict(state.weights)))


def told_start(folder: RunFolder) -> str:
    """What a run began with, in words; empty if it drew its first weights."""
    if not folder.start.exists():
        return ""
    start = read_object(folder.environment).get("start", {})
    return f"step {start.get('step', '?')} of {start.get('run', 'another run')}"
