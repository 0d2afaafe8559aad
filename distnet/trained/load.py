"""A trained network, ready to use: everything comes from its run folder, no dataset is needed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.data.column import Column, RaggedArray, cut
from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest
from distnet.data.opening import build_view, viewed, whole_fields
from distnet.data.samples import as_tensors
from distnet.errors import RunError
from distnet.run_folder.code import code_folder, warn_of_other_code
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_plan
from distnet.spec.code.importer import forget
from distnet.spec.code.own_errors import own_errors
from distnet.spec.packages.requirements import requirements_of_lines
from distnet.spec.packages.use import use_packages
from distnet.spec.read import read_job
from distnet.spec.sections.job import Job
from distnet.tasks.task import NETWORK, Episode, Networks, Task, Watch, players_of, shadows_of
from distnet.train.checkpoint.checkpoint import State
from distnet.train.checkpoint.extra_state import restore_extra
from distnet.train.checkpoint.store import open_store
from distnet.train.compute.parts import build_network, build_task
from distnet.train.compute.prepare import Prepare
from distnet.train.compute.shadows import ShadowNetwork, Use, networks_for, networks_of
from distnet.train.compute.trainee import build_scales
from distnet.train.inventory.flat import FlatNetwork
from distnet.trained.checkpoint import read_named
from distnet.trained.exported import exported
from distnet.trained.play import played
from distnet.trained.reading import data_manifest
from distnet.trained.samples import Progress, sampled
from distnet.trained.text import generated, require_file, write_text
from distnet.trained.texts import encode_texts

BATCH_SIZE, BATCH_VALUES = 1000, 1 << 20
"""The most samples of a batch, and the most values of samples that are padded to one length."""


@dataclass(frozen=True)
class Trained:
    """A network with the weights of one step of its run, in evaluation mode, on the CPU."""

    folder: RunFolder
    job: Job
    job_folder: Path
    """What relative paths of the job are relative to."""
    code_folder: Path
    """Where the user's own code is: the run's copy of it."""
    dataset: Manifest | None
    """The manifest of the dataset that it was trained on; None where the task made the samples."""
    fields: Mapping[str, Field]
    """Of what is predicted: those of the dataset, or of the job's view."""
    task: Task
    networks: Networks
    """The network, or the shadow that stands in for it, and all other shadows."""
    prepare: Prepare
    step: int

    def __repr__(self) -> str:
        """Name, step and kinds, as a notebook shows it."""
        kinds = f"network {self.job.network.kind}, task {self.job.task.kind}"
        return f"<Trained {self.folder.name}: step {self.step:,}, {kinds}>"

    @property
    def network(self) -> nn.Module:
        """The network itself."""
        return self.networks[NETWORK]

    @property
    def data(self) -> Manifest:
        """The manifest of the dataset.

        Raises:
            RunError: there is none.
        """
        if self.dataset is None:
            raise _no_dataset(self.folder, self.job)
        return self.dataset

    @property
    def inputs(self) -> Field:
        """The field `x` of a sample: what is predicted, and what an exported network takes.

        Raises:
            RunError: the samples have none.
        """
        fields = self.data.fields if self.dataset is None else self.fields
        if "x" not in fields:
            other = f"; continue texts with: distnet generate {self.folder.name}"
            raise RunError(
                f"{self.folder.path}: the run's data has no field x, only {', '.join(fields)}, and "
                "predictions are made for the field x"
                + (other if hasattr(self.task, "generate") else "")
            )
        return fields["x"]

    @torch.no_grad()
    def outputs(self, x: NDArray[np.generic]) -> Tensor:
        """Compute what an exported network gives, of samples x [n, ...] as a dataset stores them.

        Raises:
            RunError: it is something else than one tensor [n, ...].
        """
        batches = map(self.prepare, _batches(x, self.inputs))
        with own_errors(f"network {self.job.network.kind}", is_any=False):
            found = [exported(self.task, self.network(batch.tensor("x"))) for batch in batches]
        if not all(isinstance(outputs, Tensor) for outputs in found):
            what = f"{self.folder.path}: network {self.job.network.kind} returns several tensors"
            raise RunError(f"{what}, and ONNX files need one; write --format safetensors alone")
        return torch.cat(found)

    @torch.no_grad()
    def predict(self, x: Column | Sequence[str]) -> list[dict[str, Any]]:
        """Predict samples x: [n, ...] or ragged, as a dataset stores them, or texts.

        Raises:
            RunError, DataError: there was no dataset; x are texts that cannot be predicted.
        """
        batches = map(self.prepare, _batches(encode_texts(self.inputs, x), self.inputs))
        with own_errors(f"task {self.job.task.kind}", is_any=False):
            return [one for batch in batches for one in self.task.predict(self.networks, batch)]

    def generate(
        self,
        prompt: str = "",
        *,
        tokens: int = 500,
        temperature: float = 0.8,
        top_k: int | None = None,
        seed: int = 0,
    ) -> Iterator[str]:
        """Yield the text that follows a prompt, piece by piece, as it is made.

        Args:
            prompt: what the text follows; by default a line break.
            tokens: how many are made.
            temperature: below 1 for likelier tokens; 0 for the likeliest ones.
            top_k: draw among the k likeliest tokens only.
            seed: of the draws; the same seed makes the same text.

        Raises:
            RunError: the task makes no texts, or one of the arguments is impossible.
        """
        sampling = {"tokens": tokens, "temperature": temperature, "top_k": top_k, "seed": seed}
        where = self.folder.path, self.job, self.task, self.networks
        return generated(*where, prompt, sampling)

    def require_file(self, file: str | Path) -> None:
        """Check that `write` knows such files, before a text is generated for one."""
        require_file(self.folder.path, self.task, Path(file))

    def write(self, text: str, file: str | Path) -> None:
        """Write a generated text as a file, whose suffix says how; a RunError what is wrong."""
        write_text(self.folder.path, self.task, text, Path(file))

    def play(
        self, episodes: int = 10, *, seed: int | None = None, watch: Watch | None = None
    ) -> Iterator[Episode]:
        """Play whole episodes, and yield each one's number, return and length.

        Args:
            episodes: how many.
            seed: of their beginnings; by default the job's, as in its evaluations.
            watch: called before each move of the first episode, with its picture and return.

        Raises:
            RunError: the task plays nothing.
        """
        where = self.folder.path, self.job, self.task, self.networks
        return played(*where, episodes, seed, watch)

    def sample(
        self,
        num: int,
        *,
        seed: int = 0,
        of_class: str | None = None,
        progress: Progress = lambda _: None,
    ) -> NDArray[np.uint8]:
        """Make images, uint8 [num, C, H, W]; image i depends on the seed and i alone.

        Args:
            num: how many.
            seed: seed 0 makes the images that an evaluation measures.
            of_class: the name of their class; by default they are as frequent as in the training.
            progress: called with the number of images that are made.

        Raises:
            RunError: the task makes no images, or none of that class.
        """
        where = self.folder.path, self.job, self.task, self.networks
        return sampled(*where, num, seed=seed, of_class=of_class, progress=progress)


def load_trained(
    run: str | Path, *, checkpoint: str | int | None = None, use: Use = "export"
) -> Trained:
    """Load the network of the run folder `run`.

    Args:
        run: the run folder.
        checkpoint: whose weights: `newest`, `best` by the job's `best_metric`, or a step.
            Default: the best if the job keeps it (`checkpoint.keep_best`), else the newest.
        use: what for; a shadow may replace the network there.

    Raises:
        RunError: there is no run, or a file of it is missing or damaged.
        CheckpointError: there are no whole weights, or not those.
        StorageError: the store of the checkpoints does not answer.
        UnknownPartError: the user's own network or task is not where it was.
    """
    folder = RunFolder(Path(run))
    if not folder.job.is_file():
        raise RunError(
            f"{run}: found no run in this folder ({folder.job.name} is missing); "
            "list the runs with: distnet runs"
        )
    job, plan = read_job(folder.job).job, read_plan(folder)
    code = code_folder(folder, plan)
    warn_of_other_code(folder)
    forget()
    use_packages(requirements_of_lines(plan.packages), code)
    os.environ.update({name: value for name, value in job.env.items() if value is not None})
    stored = None if job.data.source is None else data_manifest(folder)
    view = None if stored is None else build_view(job, stored, code)
    data = None if stored is None else viewed(stored, view)
    store = open_store(job.checkpoint.store, run=folder, job_folder=plan.job_folder)
    task = build_task(job, data, code)
    state = read_named(store, job.checkpoint.ranked(task.metrics), checkpoint)
    networks = _networks(job, task, code, state, use)
    prepare = Prepare(build_scales(job, task, data, "cpu"), "cpu")
    where = (folder, job, plan.job_folder, code)
    fields = {} if stored is None else whole_fields(stored, view)
    return Trained(*where, stored, fields, task, networks, prepare, state.step)


def _networks(job: Job, task: Task, folder: Path, state: State, use: Use) -> Networks:
    """The network and its shadows with the weights of a checkpoint, in evaluation mode."""
    flat = FlatNetwork(build_network(job, task, folder), players=players_of(task))
    flat.load(state.weights)
    restore_extra(flat.network, state.optimizer)
    shadows = [ShadowNetwork(shadow, flat) for shadow in shadows_of(task)]
    for shadow in shadows:
        for name, tensor in shadow.state().items():
            tensor.copy_(state.optimizer[name])
    networks = networks_for(use, networks_of(flat, shadows), shadows_of(task))
    return {name: network.eval() for name, network in networks.items()}


def _no_dataset(folder: RunFolder, job: Job) -> RunError:
    return RunError(
        f"{folder.path}: this run was trained without a dataset, as its task {job.task.kind} makes "
        "its own samples; predictions need one, and ONNX files where the task does not say what "
        "they compute. What does not: distnet eval, distnet play, distnet export --format "
        "safetensors"
    )


def _batches(x: Column, field: Field) -> Iterator[Batch]:
    start = 0
    while start < len(x):
        end = start + _num_together(x, start)
        yield Batch({"x": as_tensors(cut(x, start, end), field)})
        start = end


def _num_together(x: Column, start: int) -> int:
    """How many samples make a batch: fewer where they are long, as networks pad them to one length.

    A network may hold much more for each value, so a single long sample is a batch of its own.
    """
    if not isinstance(x, RaggedArray):
        return BATCH_SIZE
    longest = np.maximum.accumulate(x.lengths[start : start + BATCH_SIZE])
    fit = longest * np.arange(1, len(longest) + 1) <= BATCH_VALUES
    return max(1, int(fit.sum()))
