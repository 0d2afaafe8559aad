"""The weights of a file or of another run, for a run that begins with them.

The new run keeps the weights in its own folder, so that it can be repeated to the last bit whatever
becomes of the other. Only weights and buffers are taken: step, optimizer and data begin anew.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import abspath
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder, shown
from distnet.run_folder.read import holds_run, read_plan
from distnet.spec.read import JobFile, read_job
from distnet.spec.sections.start import Start
from distnet.train.checkpoint.checkpoint import State, read_newest
from distnet.train.checkpoint.store import open_store
from distnet.train.inventory.flat import FlatNetwork
from distnet.trained.start.fit import fit, renamed
from distnet.trained.start.weights_file import in_order, read_weights


@dataclass(frozen=True)
class StartWeights:
    """Weights to begin with, and where they are from."""

    source: str
    """A run, or a file."""
    step: int | None
    """Of the run's checkpoint; None for a file."""
    weights: bytes
    """As a safetensors file."""

    def to_dict(self) -> dict[str, object]:
        """The record in `environment.json` of the new run."""
        sha256 = hashlib.sha256(self.weights).hexdigest()
        if self.step is None:
            return {"file": self.source, "sha256": sha256}
        return {"run": self.source, "step": self.step, "sha256": sha256}


def read_start_weights(run: RunFolder) -> StartWeights:
    """Read the weights of a run's newest checkpoint.

    Raises:
        RunError: there is no such run.
        CheckpointError: it has no intact checkpoint.
        StorageError: the store of its checkpoints cannot be reached.
    """
    state = _newest(run)
    return StartWeights(run.path.resolve().name, state.step, _saved(state.weights))


def job_start_weights(file: JobFile) -> StartWeights | None:
    """Read the weights that a job starts with, by the names of its network; None if it draws them.

    Raises:
        DistnetError: they cannot be read; the key is named.
    """
    start = file.job.start
    if start is None:
        return None
    weights, step = _read(file, start)
    return StartWeights(Path(start.weights).name, step, _saved(renamed(weights, start)))


def start_note(file: JobFile, flat: FlatNetwork) -> str:
    """Say what a job takes of the weights that it names; empty if it names none.

    Raises:
        DistnetError: they cannot be read, or do not fit the network; the key is named.
    """
    start = file.job.start
    if start is None:
        return ""
    found = fit(_read(file, start)[0], flat, start)
    if found.fault:
        raise file.fault(
            "start.weights",
            f"{start.weights} does not fit the network: {found.fault}. Names that differ by their "
            "beginning are mapped by start.rename, and start.ignore leaves out patterns of names",
        )
    return f"start: {start.weights} {found.note}"


def _read(file: JobFile, start: Start) -> tuple[Mapping[str, Tensor], int | None]:
    """The tensors that a job names, and the step at which a run saved them."""
    path = file.folder / start.weights
    if not path.exists():
        raise file.fault(
            "start.weights",
            f"{shown(Path(abspath(path)))} cannot be read: No such file or folder. If it is to be "
            f"the folder of a run, train that first: distnet run JOB --name {path.name}",
        )
    try:
        if path.is_dir():
            state = _newest(RunFolder(path))
            return in_order(state.weights), state.step
        return read_weights(path), None
    except RunError as error:
        raise file.fault("start.weights", str(error)) from None


def _newest(run: RunFolder) -> State:
    if not holds_run(run):
        raise RunError(
            f"{run.path}: found no run in this folder to start from ({run.job.name} or "
            f"{run.plan.name} is missing); list the runs with: distnet runs"
        )
    job_folder = read_plan(run).job_folder
    job = read_job(run.job, folder=job_folder).job
    return read_newest(open_store(job.checkpoint.store, run=run, job_folder=job_folder))


def _saved(weights: Mapping[str, Tensor]) -> bytes:
    """As a safetensors file, in which memory that several share stands several times."""
    data: bytes = save({name: tensor.contiguous().clone() for name, tensor in weights.items()})
    return data
