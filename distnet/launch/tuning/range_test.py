"""A learning-rate range test: the real loop while the rate rises, step by step.

All slices of the job are computed in this process, as any number of workers would compute them, so
the losses depend on the job file and the data alone. No run folder is written.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch

from distnet.errors import NonFiniteError
from distnet.launch.alone import lone_loop, prepared
from distnet.launch.plan import make_plan
from distnet.launch.tuning.suggest import RunningMean, Suggestion, is_diverged, suggest
from distnet.spec.metric import LOSS
from distnet.spec.read import JobFile
from distnet.spec.sections.job import Job, Player
from distnet.spec.sections.optimizer import Optimizer
from distnet.spec.sections.schedule import Exponential
from distnet.spec.variables import variables_set
from distnet.tasks.task import players_of
from distnet.train.compute.schedule import rate_factor
from distnet.train.device.portable import fix_instruction_set
from distnet.train.progress import Progress
from distnet.train.reporter import NullReporter
from distnet.trained.start.start_weights import job_start_weights


@dataclass(frozen=True)
class Span:
    """The rates that are tried."""

    low: float = 1e-7
    high: float = 10.0
    steps: int = 100
    """Each with the same ratio to the one before; `high` would be that of the step after them."""

    @property
    def schedule(self) -> Exponential:
        """The rate over the steps, as a part of `high`."""
        return Exponential(kind="exponential", first=self.low / self.high, final=1.0)

    def rate(self, step: int) -> float:
        """The rate of a step, counted from 0."""
        return self.high * rate_factor(self.schedule, step, self.steps)


@dataclass(frozen=True)
class RangeTest:
    """The losses at rising rates, and what follows from them."""

    job: str
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    end: Literal["all steps", "diverged", "not finite"]
    suggestions: tuple[Suggestion, ...]
    """By three rules; the first is the one to take."""
    problem: str
    """Why there is none; empty if there is one."""
    job_rate: float
    """What the job file has now."""
    notes: tuple[str, ...]
    """What the user should know."""
    settings: tuple[str, ...]
    """The overrides that set the suggested rate."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


Watch = Callable[[int, float, float], None]
"""Called after each step that has a loss: with its number from 1, its rate and its loss."""


def tune_rate(file: JobFile, span: Span, watch: Watch = lambda *_: None) -> RangeTest:
    """Train a job for some steps at rising rates, until the loss diverges.

    Raises:
        DistnetError: the job has faults, or this machine lacks what it needs.
    """
    job = rising(file.job, span)
    with variables_set(job.env):
        fix_instruction_set(job, torch.backends.cpu.get_cpu_capability)
        plan = make_plan(file, inline=True)
        start = job_start_weights(file)
        losses, weights = Losses(span, watch), None if start is None else start.weights
        with (
            prepared(replace(file, job=job), plan) as setting,
            lone_loop(setting, job, weights=weights, reporter=losses) as loop,
        ):
            end = _train(loop.train_step, losses, span)
            players = tuple(players_of(loop.trainee.task))
    return _result(file.job, losses, end, players)


def rising(job: Job, span: Span) -> Job:
    """The job with a rate that rises to `span.high`; those of players rise in proportion."""
    factor = span.high / job.optimizer.learning_rate
    players = {name: _faster(player, factor) for name, player in job.players.items()}
    length = {"steps": span.steps, "epochs": None, "on_nonfinite": "stop"}
    changes = {
        "optimizer": _with_rate(job.optimizer, span.high),
        "schedule": span.schedule,
        "players": players,
        "train": job.train.model_copy(update=length),
    }
    return job.model_copy(update=changes)


def _faster(player: Player, factor: float) -> Player:
    own = player.optimizer
    optimizer = None if own is None else _with_rate(own, own.learning_rate * factor)
    return player.model_copy(update={"optimizer": optimizer, "schedule": None})


def _with_rate(optimizer: Optimizer, rate: float) -> Optimizer:
    return optimizer.model_copy(update={"learning_rate": rate})


class Losses(NullReporter):
    """Keeps the loss of each step, as the loop reports it.

    Args:
        span: the rates of the steps.
        watch: called with each of them.
    """

    def __init__(self, span: Span, watch: Watch) -> None:
        self._span, self._watch, self._mean = span, watch, RunningMean()
        self.rates, self.losses, self.smoothed = list[float](), list[float](), list[float]()

    def step(self, step: int, epoch: int, facts: dict[str, float], progress: Progress) -> None:  # noqa: ARG002
        """Take in a step; one without weight, as before a replay is warm, has no loss."""
        means, _ = progress.read()
        if LOSS.name not in means:
            return
        self.rates.append(self._span.rate(step - 1))
        self.losses.append(means[LOSS.name])
        self.smoothed.append(self._mean.add(means[LOSS.name]))
        self._watch(step, self.rates[-1], self.losses[-1])

    @property
    def is_diverged(self) -> bool:
        """Whether the last loss is far above the lowest one."""
        return bool(self.smoothed) and is_diverged(self.smoothed[-1], min(self.smoothed))


def _train(
    train_step: Callable[[], None], losses: Losses, span: Span
) -> Literal["all steps", "diverged", "not finite"]:
    for _ in range(span.steps):
        try:
            train_step()
        except NonFiniteError:
            return "not finite"
        if losses.is_diverged:
            return "diverged"
    return "all steps"


def _result(
    job: Job,
    losses: Losses,
    end: Literal["all steps", "diverged", "not finite"],
    players: tuple[str, ...],
) -> RangeTest:
    suggestions, problem = suggest(losses.rates, losses.losses, losses.smoothed)
    rate = suggestions[0].rate if suggestions else None
    return RangeTest(
        job.name,
        tuple(losses.rates),
        tuple(losses.losses),
        tuple(losses.smoothed),
        end,
        tuple(suggestions),
        problem,
        job.optimizer.learning_rate,
        tuple(_notes(losses, end, players)),
        () if rate is None else tuple(_settings(job, rate)),
    )


def _settings(job: Job, rate: float) -> Iterator[str]:
    """The overrides for the job's rate, and in proportion for players with one of their own."""
    yield f"optimizer.learning_rate={rate:g}"
    factor = rate / job.optimizer.learning_rate
    for name, player in job.players.items():
        if player.optimizer is not None:
            of_player = player.optimizer.learning_rate * factor
            yield f"players.{name}.optimizer.learning_rate={of_player:.2g}"


def _notes(losses: Losses, end: str, players: tuple[str, ...]) -> Iterator[str]:
    if end == "all steps" and losses.smoothed and losses.smoothed[-1] == min(losses.smoothed):
        yield "the loss still falls at the highest rate: raise --to"
    if len(players) > 1:
        yield (
            f"the players {' and '.join(players)} train against one another, so their losses say "
            "little of the rate: compare runs instead (--sweep)"
        )
