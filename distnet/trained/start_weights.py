"""The weights of a run, for another run that begins with them.

The new run keeps the weights in its own folder, so that it can be repeated to the last bit whatever
becomes of the other. Only weights and buffers are taken: step, optimizer and data begin anew.
"""

import hashlib
from dataclasses import dataclass

from safetensors.torch import save

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import holds_run, read_plan
from distnet.spec.read import read_job
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.checkpoint.store import open_store


@dataclass(frozen=True)
class StartWeights:
    """The weights of a run's newest checkpoint."""

    run: str
    step: int
    weights: bytes
    """As a safetensors file."""

    def to_dict(self) -> dict[str, object]:
        """The record in `environment.json` of the new run."""
        sha256 = hashlib.sha256(self.weights).hexdigest()
        return {"run": self.run, "step": self.step, "sha256": sha256}


def read_start_weights(run: RunFolder) -> StartWeights:
    """Read the weights of a run's newest checkpoint.

    Raises:
        RunError: there is no such run.
        CheckpointError: it has no intact checkpoint.
        StorageError: the store of its checkpoints cannot be reached.
    """
    if not holds_run(run):
        raise RunError(
            f"{run.path}: found no run in this folder to start from ({run.job.name} or "
            f"{run.plan.name} is missing); list the runs with: distnet runs"
        )
    job_folder = read_plan(run).job_folder
    job = read_job(run.job, folder=job_folder).job
    store = open_store(job.checkpoint.store, run=run, job_folder=job_folder)
    state = read_newest(store)
    return StartWeights(run.path.resolve().name, state.step, save(dict(state.weights)))
