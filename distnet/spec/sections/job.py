"""The Job: the content of a job file, validated, frozen, with all defaults filled in.

Sections that name a part (`network`, `task`) keep the part's own options as they are; the part's
constructor defines which options exist, and `distnet.spec.parts` checks them against it. Everything
else is typed here. Nothing in this file imports torch, so a job file is read in milliseconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from distnet.spec.metric import Metric, find_metric
from distnet.spec.reading.faults import KeyFaultError
from distnet.spec.sections.data import Data
from distnet.spec.sections.early_stopping import EarlyStopping
from distnet.spec.sections.needs import Packages, Variables
from distnet.spec.sections.optimizer import Optimizer, Sgd
from distnet.spec.sections.queue import Queue
from distnet.spec.sections.resources import Resources
from distnet.spec.sections.retry import Retry
from distnet.spec.sections.schedule import Constant, Schedule
from distnet.spec.sections.section import (
    Name,
    OwnPart,
    Part,
    PositiveFloat,
    PositiveInt,
    Section,
)
from distnet.spec.sections.start import Start
from distnet.spec.sections.units import Seconds


class Train(Section):
    """How long to train, with which batches and which arithmetic."""

    epochs: PositiveInt | None = None
    """Passes over the training samples. Give `epochs` or `steps`; 10 epochs by default."""
    steps: PositiveInt | None = None
    """The number of updates in all, instead of `epochs`."""
    early_stopping: EarlyStopping | None = None
    """End earlier, when evaluations no longer get better: `{patience: 5}`."""
    batch_size: PositiveInt = 64
    """Samples of one update, over all workers."""
    slices: PositiveInt | None = None
    """The parts of a batch, whatever the number of workers. Default: the maximum of workers."""
    threads_per_slice: Annotated[int, Field(gt=0, le=1024)] = 1
    """CPU threads that compute one slice. Part of the job, because it changes the last bits."""
    precision: Literal["fp32", "tf32", "bf16", "auto"] = "fp32"
    """Number format of the network's arithmetic; weights and sums stay fp32. `tf32`: products of
    fp32 numbers are rounded to TF32, on NVIDIA GPUs only. `auto` takes bf16 on GPUs, and for
    convolutions on CPUs, if the hardware of all workers is made for it."""
    determinism: Literal["exact", "warn"] = "exact"
    """On GPUs, and with several threads. `exact`: an operation that torch cannot compute with the
    same bits every time is an error. `warn`: it is a warning, and a repetition may differ."""
    bits: Literal["native", "portable"] = "native"
    """`native`: the last bits depend on the kind of CPU. `portable`: all CPUs compute with AVX2,
    as others do; for fp32 on x86."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """The seed of all randomness: first weights, order of samples, dropout, augmentation."""
    clip: PositiveFloat | None = None
    """Clip the norm of the gradient to this value."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Evaluate, predict and export with an exponential moving average of the weights, which keeps
    this part of itself at each step: 0.999 averages over about 1,000 steps."""
    accumulate: PositiveInt = 1
    """Compute each slice in this many pieces, one after the other, to save memory."""
    sum: Literal["exact", "fast"] = "exact"
    """`exact`: the same bits on any number of workers. `fast`: torch's own all-reduce."""
    capture: Literal["auto", "on", "off"] = "auto"
    """Trace a slice once and replay it with less overhead, to the same bits. `auto`: for networks
    and tasks that ship with distnet. `on`: also for your own; what cannot be replayed is not."""
    guard: Literal["on", "off"] = "on"
    """Compute a slice twice at steps 1 to 3 and every 1,000th, and end the run if a bit differs:
    the weights would depend on the workers or on a resume. `off`: train anyway."""
    on_nonfinite: Literal["stop", "skip", "rewind"] = "stop"
    """When the loss or gradient is NaN or infinite: `stop`, `skip` this update, or `rewind` to the
    last multiple of checkpoint.every_steps and continue after this batch."""
    on_out_of_memory: Literal["stop", "halve"] = "stop"
    """When a slice does not fit in memory: `stop` the attempt, or permanently `halve` the pieces in
    which it is computed. That changes the last bits, so the default is `stop`."""

    @model_validator(mode="after")
    def _one_length(self) -> "Train":
        if self.epochs is not None and self.steps is not None:
            raise KeyFaultError("steps", "found steps beside epochs, expected one of them")
        return self


class Checkpoint(Section):
    """When and where checkpoints are saved, and how many are kept."""

    every_steps: PositiveInt | None = None
    """Save every N steps, in addition to `every` and the end."""
    every: Seconds = 60.0
    """Save when this much time has passed since the last one ("90s", "10m")."""
    keep: PositiveInt = 2
    """How many of the newest checkpoints to keep."""
    keep_best: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many of those with the best `best_metric` to keep in addition."""
    best_metric: str | None = None
    """The metric of the evaluation by which `keep_best` ranks, such as loss. Default: the task's
    headline metric."""
    best_order: Literal["min", "max"] | None = None
    """Whether a lower (min) or higher (max) `best_metric` is better. Default: as the task declares
    the metric."""

    def ranked(self, metrics: Iterable[Metric]) -> "Checkpoint":
        """The same with a metric and its order, by those that the task declares."""
        declared = tuple(metrics)
        name = self.best_metric or find_metric(declared, None).name
        is_higher = any(m.name == name and m.direction == "higher" for m in declared)
        order = self.best_order or ("max" if is_higher else "min")
        return self.model_copy(update={"best_metric": name, "best_order": order})

    store: str | None = None
    """Where checkpoints are stored: a folder, or an address such as s3://bucket/folder. Default:
    the run's folder."""


class Evaluate(Section):
    """When the network is evaluated, on samples that it is not trained on."""

    split: str | None = None
    """The split to evaluate on while training. Default: the one for validation, else `test`."""
    final: str | None = None
    """The split to evaluate on once, at the end. Default: `test`, where `split` is not given and
    the dataset has a split for validation as well."""
    every_epochs: PositiveInt = 1
    """Evaluate every N epochs, and at the end."""
    batch_size: PositiveInt = 1000
    """Samples computed at once."""
    samples: PositiveInt | None = None
    """Evaluate on this many samples, the first of the split. Default: on all of them."""


class Player(Section):
    """How the parameters of one player are moved, where a task has several (as a GAN has)."""

    optimizer: Optimizer | None = None
    """Instead of the job's optimizer."""
    schedule: Schedule | None = None
    """Instead of the job's schedule."""
    clip: PositiveFloat | None = None
    """Instead of `train.clip`."""


@dataclass(frozen=True)
class PlayerSettings:
    """What applies to one player."""

    optimizer: Optimizer
    schedule: Schedule
    clip: float | None


class Job(Section):
    """One training, as a person asks for it."""

    name: Name
    """Lower-case letters, digits and dashes; names the run folders."""
    network: Part
    """What computes: a network of distnet or your own, and its options."""
    task: Part = Part(kind="classify")
    """What is learned: `classify`, `regress` or your own, and its options."""
    files: tuple[str, ...] = ()
    """Other files and folders that your own code reads, beside the job file. They are kept in the
    run's folder and uploaded to a server, as the code and what it imports are."""
    packages: Packages = ()
    """Python packages that the nodes lack: `[timm==1.0.20, einops]`, or a `requirements.txt`."""
    env: Variables = {}
    """Environment variables, as text. `null` forwards one by its name: `{HF_TOKEN: null}`."""
    data: Data = Data()
    """Where the samples come from and how they reach the network."""
    start: Start | None = None
    """Weights to start with: `{weights: resnet18.pt, ignore: ["fc.*"]}`. Default: drawn."""
    optimizer: Optimizer = Sgd(kind="sgd")
    """How the weights follow the gradient."""
    schedule: Schedule = Constant()
    """How the learning rate changes over the steps."""
    players: dict[str, Player] = {}
    """Other settings for some of the task's players, by name."""
    callbacks: tuple[OwnPart, ...] = ()
    """Your own classes that are called while training goes on: `[{kind: ./watch.py:Norms}]`."""
    track: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = ("tensorboard",)
    """Where the numbers of a run are shown beside its own report: event files of TensorBoard in
    the run's folder, MLflow, Weights & Biases."""
    train: Train = Train()
    """How long, in what batches, in what numbers."""
    resources: Resources = Resources()
    """What the workers need."""
    checkpoint: Checkpoint = Checkpoint()
    """When the state of training is saved, and how much of it is kept."""
    evaluate: Evaluate = Evaluate()
    """When the network is measured on samples it does not learn from."""
    retry: Retry = Retry()
    """How often each kind of failure is tried again."""
    queue: Queue = Queue()
    """How it queues on a server."""

    @model_validator(mode="after")
    def _fits(self) -> "Job":
        workers, slices = self.resources.max_workers, self.num_slices
        if slices < workers:
            needed = f"at least {workers}, one for each of resources.workers"
            raise KeyFaultError("train.slices", f"found {slices}, expected {needed}")
        if self.train.batch_size < slices:
            needed = f"at least {slices}, one sample for each of the slices"
            raise KeyFaultError(
                "train.batch_size", f"found {self.train.batch_size}, expected {needed}"
            )
        if self.data.mix is not None and self.train.batch_size < 2 * slices:
            needed = f"at least {2 * slices}, two samples to mix for each of the slices"
            raise KeyFaultError(
                "train.batch_size", f"found {self.train.batch_size}, expected {needed}"
            )
        self._require_arithmetic()
        self._require_rows()
        if self.train.on_nonfinite == "rewind" and self.checkpoint.every_steps is None:
            raise KeyFaultError(
                "train.on_nonfinite",
                "found rewind, expected checkpoint.every_steps with it, to say where to rewind to",
            )
        return self

    def _require_rows(self) -> None:
        """Refuse folds of what are not the rows of a dataset, and two splits to evaluate on."""
        if self.data.fold is None:
            return
        others = {"data.view": self.data.view, "evaluate.split": self.evaluate.split}
        beside = [key for key, value in others.items() if value is not None]
        if self.data.source is None:
            beside.append("data.source: null")
        if beside:
            wrong = f"found {self.data.fold} beside {' and '.join(beside)}, expected one of them"
            raise KeyFaultError("data.fold", wrong)

    def _require_arithmetic(self) -> None:
        """Refuse TF32 on CPUs; portable bits on GPUs, where no setting gives them, and in bf16."""
        if self.train.precision == "tf32" and not self.resources.gpus:
            needed = "fp32, as resources.gpus is 0 and only NVIDIA's GPUs have TF32"
            raise KeyFaultError("train.precision", f"found tf32, expected {needed}")
        if self.train.bits != "portable":
            return
        if self.resources.gpus:
            raise KeyFaultError("train.bits", "found portable, expected native with resources.gpus")
        if self.train.precision not in ("fp32", "auto"):
            found = f"found portable, expected native with train.precision: {self.train.precision}"
            raise KeyFaultError("train.bits", found)

    @property
    def num_slices(self) -> int:
        """S: the parts of every batch, the same for all attempts of a run."""
        return self.train.slices or self.resources.max_workers

    @property
    def num_cpus(self) -> int:
        """CPU cores of one worker."""
        return self.resources.cpus or self.train.threads_per_slice

    @property
    def tracked_elsewhere(self) -> tuple[str, ...]:
        """The trackers that a process beside the run sends to; TensorBoard's files are its own."""
        return tuple(dict.fromkeys(kind for kind in self.track if kind != "tensorboard"))

    def player(self, name: str) -> PlayerSettings:
        """The settings of one player: its own, or the job's."""
        own = self.players.get(name, Player())
        return PlayerSettings(
            own.optimizer or self.optimizer,
            own.schedule or self.schedule,
            own.clip or self.train.clip,
        )

    def resolved(self) -> "Job":
        """The same job with its slices written out: other workers then change nothing."""
        if self.train.slices is not None:
            return self
        train = self.train.model_copy(update={"slices": self.num_slices})
        return self.model_copy(update={"train": train})
