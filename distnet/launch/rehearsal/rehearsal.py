"""Make one step and one evaluation of a few samples, before anything is written or started.

Every method of the task is called, in training and in evaluation, so an incomplete task, a network
that returns something else while it trains, or a figure that cannot be written is found here, and
not after the first epoch. What is made for it is thrown away.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.errors import JobFileError, NetworkError, PartError
from distnet.launch.rehearsal.made_twice import (
    first_values,
    require_same_again,
    unchanged_by_evaluation,
)
from distnet.launch.rehearsal.own_moves import try_optimizers
from distnet.launch.rehearsal.subject import Subject
from distnet.launch.rehearsal.untrained import idle_names, idle_note, untrained_note
from distnet.spec.code.own_errors import describe, own_errors
from distnet.spec.sections.section import is_own_kind
from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import Networks, Task, shadows_of
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.parts import build_turns
from distnet.train.compute.prepare import Prepare
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.slice_gradient import Gathered, SliceGradient, precision_context
from distnet.train.compute.turn import SliceId
from distnet.train.feed import EvaluationFeed

GPU = ("cuda", "nvidia", "gpu")
"""Words in errors of code that needs a GPU."""


@dataclass
class Rehearsal:
    """What was measured on the way."""

    num_activations: int = 0
    """Numbers that one sample leaves in the layers; 0 if unknown."""
    largest_layer: int = 0
    """Those of the largest layer."""
    num_sums: int = 0
    """Numbers that an evaluation adds up; 0 if it was not rehearsed."""
    num_collected: float = 0.0
    """Bytes that an evaluation collects of each sample."""
    optimizer_bytes: int = 0
    """The state of the user's own optimizers; 0 where there are none."""
    slice_bytes: int = 0
    """What a feed with a state keeps of each slice in memory, if it says so."""
    notes: list[str] = field(default_factory=list)
    """What the user should know."""


def rehearse(subject: Subject) -> Rehearsal:
    """Train and evaluate on a few samples, on the CPU of this machine.

    Raises:
        JobFileError: network or task raise an error, or return something unexpected.
    """
    job, found = subject.file.job, Rehearsal()
    untrained = untrained_note(subject)
    found.notes += [untrained] if untrained else []
    found.slice_bytes = getattr(subject.samples.feed, "slice_bytes", 0)
    first, evaluation = first_values(subject), None
    try:
        _train(subject, found)
        subject.flat.require_unchanged()
        if subject.seen is not None or hasattr(subject.task, "evaluation_feed"):
            with unchanged_by_evaluation(subject):
                evaluation = _evaluate(subject, found)
        subject.flat.require_unchanged()
        if first:
            with own_errors(f"task {job.task.kind}"):
                found.notes += require_same_again(subject, first, evaluation)
    except NetworkError as error:
        raise subject.file.fault("network.kind", str(error)) from None
    except (PartError, JobFileError) as error:
        text = str(error)
        if not job.resources.gpus or not any(word in text.lower() for word in GPU):
            is_located = isinstance(error, JobFileError)
            raise error if is_located else subject.file.fault("task", text) from error
        found.notes.append(f"not tried out here, as it needs a GPU: {text.splitlines()[0]}")
    return found


def _train(subject: Subject, found: Rehearsal) -> None:
    """Make all updates of a step."""
    job, task, network = subject.file.job, subject.task, subject.flat.network.train()
    prepare = subject.prepare(is_training=True)
    with own_errors(f"task {job.task.kind}"):
        slices = subject.samples.first_slices(task, subject.networks)
    if isinstance(task, PerSample):
        _try_network(subject, task, prepare(slices[0]))
    gradient = SliceGradient(
        subject.flat,
        subject.networks,
        task,
        prepare,
        seed=job.train.seed,
        pieces=job.train.accumulate,
        is_bf16=subject.is_bf16,
    )
    gradients = dict[str, Tensor]()
    for number, turn in enumerate(build_turns(task)):
        row = subject.flat.vector.new_zeros(gradient.layout(turn.phase).length)
        of = SliceId(turn, 0, 0)
        with own_errors(f"task {job.task.kind}"):
            gathered = _gathered(task, gradient, of, slices)
            with nullcontext() if number else _counting(network, found, len(slices[0])):
                gradient.write(row, of, slices[0], gathered)
        num_parameters = subject.flat.players[turn.phase.player].num_parameters
        gradients[turn.phase.player] = row[:num_parameters] / len(slices[0])
    found.optimizer_bytes = _try_optimizers(subject, gradients)
    if is_own_kind(job.network.kind) and not hasattr(task, "embed"):
        idle = idle_names(subject, gradient, build_turns(task), slices[0])
        found.notes += [idle_note(idle)] if idle else []


def _try_optimizers(subject: Subject, gradients: Mapping[str, Tensor]) -> int:
    try:
        return try_optimizers(subject, gradients)
    except PartError as error:
        raise subject.file.fault("optimizer.kind", str(error)) from error


def _try_network(subject: Subject, task: PerSample, batch: Batch) -> None:
    """Compute outputs as in evaluation and as in training."""
    network = subject.flat.network
    x = batch["x"]
    shape = list(x.shape[1:]) if isinstance(x, Tensor) else "of unlike lengths"
    precise = precision_context("cpu", is_bf16=subject.is_bf16)
    try:
        for is_training in (False, True):
            network.train(is_training)
            what = f"does not accept inputs {shape} of this dataset: it"
            with torch.no_grad(), precise(), own_errors(what):
                task.outputs(subject.networks, batch)
    except PartError as error:
        raise subject.file.fault("network", str(error)) from error


def _gathered(
    task: Task, gradient: SliceGradient, of: SliceId, slices: Sequence[Batch]
) -> Gathered | None:
    """What a task with `embed` sees of the other slices."""
    if not hasattr(task, "embed"):
        return None
    numbered = enumerate(slices)
    embeddings = [gradient.embed(SliceId(of.turn, 0, index), batch) for index, batch in numbered]
    names: tuple[str, ...] = getattr(task, "gathers", ())
    fields = {name: torch.cat([batch.tensor(name) for batch in slices]) for name in names}
    return Gathered(Batch({"embedding": torch.cat(embeddings), **fields}), 0)


def _evaluate(subject: Subject, found: Rehearsal) -> Evaluation | None:
    """Measure a few samples in two batches of unlike size, and predict them."""
    job, task = subject.file.job, subject.task
    networks = networks_for("evaluation", subject.networks, shadows_of(task))
    what = f"task {job.task.kind}"
    prepare, evaluation = subject.prepare(is_training=False), None
    with own_errors(what), subject.samples.evaluation(task) as feed:
        evaluator = subject.evaluator(feed, task)
        try:
            evaluation = evaluator(networks)
        except ArithmeticError as error:  # of few samples, a class may have none
            found.notes.append(f"{what}, on {feed.length} samples: {describe(error)}")
        found.num_sums = evaluator.num_sums
        found.num_collected = evaluator.num_collected / feed.length
        if not hasattr(task, "evaluation_feed"):
            _predict(task, networks, feed.take(0, feed.length, networks), prepare)
            try:
                _predict(task, networks, feed.take(0, 1, networks), prepare)
            except ValueError as error:  # of batch normalisation without running statistics
                found.notes.append(f"a single sample cannot be predicted: {describe(error)}")
        if is_own_kind(job.task.kind):
            _show(task, networks, feed, prepare)
    return evaluation


@torch.no_grad()
def _show(task: Task, networks: Networks, feed: EvaluationFeed, prepare: Prepare) -> None:
    """Let the task show what the untrained network makes."""
    show: Any = getattr(task, "show", None)

    def first(num: int) -> tuple[Batch, Batch]:
        stored = feed.take(0, min(num, feed.length), networks)
        return stored, prepare(stored)

    if show is not None:
        show(networks, first)


@torch.no_grad()
def _predict(task: Task, networks: Networks, batch: Batch, prepare: Prepare) -> None:
    """Predict some samples, from `x` alone where there is one."""
    inputs = Batch({"x": batch["x"]}) if "x" in batch.fields else batch
    task.predict(networks, prepare(inputs))


@contextmanager
def _counting(network: nn.Module, found: Rehearsal, num_samples: int) -> Iterator[None]:
    """Count the numbers that the layers compute."""
    sizes: list[int] = []

    def count(_: nn.Module, __: Any, output: Any) -> None:
        sizes.append(output.numel() if isinstance(output, Tensor) else 0)

    leaves = [m for m in network.modules() if not list(m.children())]
    hooks = [leaf.register_forward_hook(count) for leaf in leaves]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    found.num_activations = sum(sizes) // num_samples
    found.largest_layer = max(sizes, default=0) // num_samples
