"""From a job to what a worker trains with: network, task, samples, optimizers, sums, evaluator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.evaluation_split import DEFAULT_SPLIT, evaluation_split, final_split
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.opening import build_view, viewed
from distnet.data.scale import Scale
from distnet.data.transforms.mixing import build_mixing
from distnet.data.transforms.transform import Transform, build_transform
from distnet.spec.sections.job import Job
from distnet.spec.sections.section import is_own_kind
from distnet.tasks.task import Networks, Task, phases_of, players_of, shadows_of
from distnet.train.compute.evaluate import Evaluator
from distnet.train.compute.feeds import build_evaluation_feed, build_feed, build_final_feed
from distnet.train.compute.generators import seed_generators
from distnet.train.compute.optimizer import PlayerOptimizer
from distnet.train.compute.parts import build_network, build_task, build_turns, has_convolution
from distnet.train.compute.prepare import Prepare
from distnet.train.compute.row import Layout
from distnet.train.compute.shadows import ShadowNetwork, networks_of
from distnet.train.compute.slice_gradient import SliceGradient
from distnet.train.compute.turn import SliceId, Turn, num_draws
from distnet.train.exchange.reduce import Sum, build_sum
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.feed import DatasetFeed, EvaluationFeed, Feed
from distnet.train.inventory.flat import FlatNetwork
from distnet.train.own.optimizer import build_optimizer
from distnet.train.own.schedule import Factor, build_factor

SCALED = ("image", "vector")
"""The kinds of fields that a network sees scaled."""


@dataclass
class Trainee:
    """Everything one worker trains with."""

    job: Job
    folder: Path
    """Where the files of the user's own parts are."""
    data: Manifest | None
    """None where no dataset is trained on."""
    task: Task
    flat: FlatNetwork
    shadows: list[ShadowNetwork]
    networks: Networks
    """The network that trains and its shadows, as the task sees them."""
    turns: tuple[Turn, ...]
    """The updates of a step, in order."""
    feed: Feed
    gradient: SliceGradient
    optimizers: dict[str, PlayerOptimizer]
    """By player."""
    factors: dict[str, Factor]
    """Of the learning rate, by player."""
    layouts: dict[str, Layout]
    """Of the rows of each phase."""
    sums: dict[str, Sum]
    """Of each phase; phases with rows of one length share one."""
    buffer_sums: dict[str, Sum]
    """By player: of changes of buffers that do not fit into rows; not every player needs one."""
    evaluator: Evaluator | None
    """Measures while it trains."""
    final: Evaluator | None
    """Measures once, at the end, on other samples."""

    @cached_property
    def num_steps(self) -> int:
        """Steps of the whole run."""
        return count_steps(self.job, self.feed.steps_per_epoch)

    @property
    def split(self) -> str:
        """The split that is evaluated; the default name where a task makes its own samples."""
        return evaluation_split(self.job, self.data) or DEFAULT_SPLIT

    @property
    def final_split(self) -> str | None:
        """The split that is measured once, at the end; None if that is the same."""
        return None if self.final is None else final_split(self.job, self.data)

    @cached_property
    def has_own_samples(self) -> bool:
        """Whether the samples come from a feed of the task, or from a user's view or sampler."""
        parts = [part.kind for part in (self.job.data.view, self.job.data.sampler) if part]
        return not isinstance(self.feed, DatasetFeed) or any(".py" in kind for kind in parts)

    def turns_at(self, step: int) -> Sequence[Turn]:
        """The updates of one step, counted from 0."""
        if len(self.turns) == 1:
            return self.turns
        return [turn for turn in self.turns if step % turn.phase.every == 0]

    def take(self, of: SliceId) -> Batch:
        """Take the samples of a slice; a user's own code may draw for that, from its own seeds."""
        draw = of.turn.draw
        if self.has_own_samples:
            key = self.job.train.seed, of.step, of.slice, -1, draw
            seed_generators(self.flat.vector.device, *key)
        return self.feed.take(of.step, of.slice, draw, self.networks)

    def state(self) -> dict[str, Tensor]:
        """All vectors besides the weights: of the optimizers, and of the shadows."""
        vectors = dict[str, Tensor]()
        for prefix, optimizer in self._prefixed():
            vectors |= {f"{prefix}{name}": vector for name, vector in optimizer.state.items()}
        for shadow in self.shadows:
            vectors |= shadow.state()
        return vectors

    def load(self, vectors: Mapping[str, Tensor]) -> None:
        """Set these vectors; others may stand beside them."""
        for prefix, optimizer in self._prefixed():
            own = {k: v for k, v in vectors.items() if k.startswith(prefix)}
            optimizer.load({name.removeprefix(prefix): vector for name, vector in own.items()})
        for shadow in self.shadows:
            for name, vector in shadow.state().items():
                vector.copy_(vectors[name])

    def require_unchanged(self) -> None:
        """Refuse networks that hold other tensors than when training began.

        Raises:
            NetworkError: one does.
        """
        self.flat.require_unchanged()
        for shadow in self.shadows:
            shadow.require_unchanged()

    def _prefixed(self) -> list[tuple[str, PlayerOptimizer]]:
        """The optimizers, with what begins the names of their vectors in a checkpoint."""
        is_one = len(self.optimizers) == 1
        return [("" if is_one else f"{player}/", o) for player, o in self.optimizers.items()]

    def close(self) -> None:
        """Release shared memory and reading threads."""
        self.feed.close()
        sums = *self.sums.values(), *self.buffer_sums.values()
        for sum_ in {id(sum_): sum_ for sum_ in sums}.values():
            sum_.close()
        for evaluator in (self.evaluator, self.final):
            if evaluator is not None:
                evaluator.close()


def build(
    job: Job, dataset: Path | None, folder: Path, group: WorkerGroup, precision: str
) -> Trainee:
    """Make everything that a worker needs; the same on every worker.

    The files of the user's own parts are in `folder`.

    Raises:
        DataError: the dataset is missing or damaged.
        UnknownPartError: the network or the task cannot be made.
    """
    stored = None if dataset is None else read_manifest(dataset)
    data = None if stored is None else viewed(stored, build_view(job, stored, folder))
    task = build_task(job, data, folder)
    network = build_network(job, task, folder)
    flat = FlatNetwork(network.train(), group.device, players_of(task))
    shadows = [ShadowNetwork(shadow, flat) for shadow in shadows_of(task)]
    networks, is_bf16 = networks_of(flat, shadows), precision == "bf16"
    # GPUs want channels-last for bf16 convolutions; on CPUs the layout makes no difference.
    is_channels_last = is_bf16 and has_convolution(network)
    scales = build_scales(job, task, data, group.device)
    prepare = partial(Prepare, scales, group.device, is_channels_last=is_channels_last)
    phases = phases_of(task)
    gradient = SliceGradient(
        flat,
        networks,
        task,
        prepare(transform=_transform(job, data), mix=build_mixing(job.data.mix)),
        seed=job.train.seed,
        pieces=job.train.accumulate,
        is_bf16=is_bf16,
        captured=phases if _is_captured(job) else (),
    )
    layouts = {phase.name: gradient.layout(phase) for phase in phases}
    feed = build_feed(job, dataset, stored, folder, task, num_draws(phases))
    measures = partial(_evaluator, job, task, prepare(), group, is_bf16=is_bf16)
    optimizer = partial(build_optimizer, job, folder, feed.steps_per_epoch)
    return Trainee(
        job=job,
        folder=folder,
        data=data,
        task=task,
        flat=flat,
        shadows=shadows,
        networks=networks,
        turns=build_turns(task),
        feed=feed,
        gradient=gradient,
        optimizers={name: optimizer(player) for name, player in flat.players.items()},
        factors={name: build_factor(job.player(name).schedule, folder) for name in flat.players},
        layouts=layouts,
        sums=_sums(job, layouts, group),
        buffer_sums=_buffer_sums(job, flat, group),
        evaluator=measures(build_evaluation_feed(job, dataset, stored, folder, task)),
        final=measures(build_final_feed(job, dataset, stored, folder, task)),
    )


def build_scales(job: Job, task: Task, data: Manifest | None, device: str) -> dict[str, Scale]:
    """The scaling of each field that has one."""
    if data is None:
        return {}
    takes_pixels = getattr(task, "takes_pixels", False)
    return {
        name: Scale(
            field,
            normalise=job.data.normalise and not (takes_pixels and field.kind == "image"),
            device=device,
        )
        for name, field in data.fields.items()
        if field.kind in SCALED
    }


def count_steps(job: Job, steps_per_epoch: int) -> int:
    """Steps of the whole run, from `train.steps` or `train.epochs`."""
    return job.train.steps or (job.train.epochs or 10) * steps_per_epoch


def _is_captured(job: Job) -> bool:
    """Whether slices are captured: by default those of networks and tasks that ship with distnet.

    Random changes to the samples cannot be replayed; anything else that cannot is found by
    trying.
    """
    if job.data.augment or job.data.mix:
        return False
    is_own = any(is_own_kind(part.kind) for part in (job.network, job.task))
    return job.train.capture == "on" or (job.train.capture == "auto" and not is_own)


def _evaluator(  # noqa: PLR0917
    job: Job,
    task: Task,
    prepare: Prepare,
    group: WorkerGroup,
    feed: EvaluationFeed | None,
    *,
    is_bf16: bool,
) -> Evaluator | None:
    if feed is None:
        return None
    return Evaluator(
        feed,
        task,
        prepare,
        group,
        slices=job.num_slices,
        batch_size=job.evaluate.batch_size,
        is_bf16=is_bf16,
    )


def _sums(job: Job, layouts: dict[str, Layout], group: WorkerGroup) -> dict[str, Sum]:
    lengths = sorted({layout.length for layout in layouts.values()})
    by_length = {n: build_sum(group, job.num_slices, n, mode=job.train.sum) for n in lengths}
    return {name: by_length[layout.length] for name, layout in layouts.items()}


def _buffer_sums(job: Job, flat: FlatNetwork, group: WorkerGroup) -> dict[str, Sum]:
    return {
        name: build_sum(
            group,
            job.num_slices,
            player.buffers.num_wide,
            dtype=torch.float64,
            mode=job.train.sum,
        )
        for name, player in flat.players.items()
        if player.buffers.num_wide
    }


def _transform(job: Job, data: Manifest | None) -> Transform | None:
    return None if data is None else build_transform(job.data.augment, data.fields)
