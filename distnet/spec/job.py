"""The Job: what a job file says, validated, frozen, with all defaults filled in.

Sections that name a part (`network`, `task`) keep the part's own options as they are; the part's
constructor says which options exist, and `distnet.spec.parts` checks them against it. Everything
else is typed here. Nothing in this file imports torch, so a job file is read in milliseconds.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from distnet.spec.units import Bytes, Seconds

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class Section(BaseModel):
    """A frozen section of the job file; unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Part(BaseModel):
    """A network or a task: its kind, and the options that its constructor takes."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, use_attribute_docstrings=True)

    kind: str
    """The name of a shipped part (`mlp`), or your own as `./file.py:Class`."""

    @property
    def options(self) -> dict[str, Any]:
        """Every key of the section but `kind`."""
        return dict(self.model_extra or {})


class Crop(Section):
    """Cut a window of the image's own size at a random place of the padded image."""

    kind: Literal["crop"]
    padding: PositiveInt = 4
    """Pixels added on each side before cutting."""


class Flip(Section):
    """Mirror left and right."""

    kind: Literal["flip"]
    probability: Annotated[float, Field(ge=0, le=1)] = 0.5


class Shift(Section):
    """Move the image by whole pixels, filling with its background."""

    kind: Literal["shift"]
    pixels: PositiveInt = 2
    """The largest distance, in pixels, along each axis."""


class Rotate(Section):
    """Turn the image around its middle."""

    kind: Literal["rotate"]
    degrees: PositiveFloat = 10.0
    """The largest angle to either side, in degrees."""


Augmentation = Annotated[Crop | Flip | Shift | Rotate, Field(discriminator="kind")]


class Data(Section):
    """Where the samples come from and how they reach the network."""

    source: str = "mnist"
    """A dataset that ships with distnet (`mnist`), or the folder that `distnet data import` wrote."""
    normalise: bool = True
    """Subtract the training mean and divide by its deviation, both from the dataset's manifest."""
    augment: tuple[Augmentation, ...] = ()
    """Random changes to the training images, in this order."""
    memory: Bytes = 512_000_000
    """Splits up to this size are held in memory; larger ones are streamed."""


class Sgd(Section):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013)."""

    kind: Literal["sgd"]
    learning_rate: PositiveFloat = 0.1
    momentum: Fraction = 0.0
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum above 0")
        return self


class Adam(Section):
    """Adam; weight decay is added to the gradient (Kingma and Ba 2015)."""

    kind: Literal["adam"]
    learning_rate: PositiveFloat = 1e-3
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    epsilon: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0


class AdamW(Section):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019)."""

    kind: Literal["adamw"]
    learning_rate: PositiveFloat = 1e-3
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    epsilon: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.01


class Lion(Section):
    """Sign of an interpolated momentum (Chen et al. 2023)."""

    kind: Literal["lion"]
    learning_rate: PositiveFloat = 1e-4
    betas: tuple[Fraction, Fraction] = (0.9, 0.99)
    weight_decay: NonNegativeFloat = 0.0


Optimizer = Annotated[Sgd | Adam | AdamW | Lion, Field(discriminator="kind")]


class Constant(Section):
    """The learning rate as it is, after the warm-up."""

    kind: Literal["constant"] = "constant"
    warmup: Fraction = 0.0
    """The part of all steps over which the rate grows linearly from 0."""


class Cosine(Section):
    """Half a cosine from the learning rate down to `final` of it (Loshchilov and Hutter 2017)."""

    kind: Literal["cosine"]
    warmup: Fraction = 0.0
    """The part of all steps over which the rate grows linearly from 0."""
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The last rate, as a part of the learning rate."""


class OneCycle(Section):
    """Up to the learning rate and down again, along cosines (Smith and Topin 2018)."""

    kind: Literal["one-cycle"]
    peak: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Where the peak lies, as a part of all steps."""
    first: Annotated[float, Field(gt=0, le=1)] = 0.04
    """The first rate, as a part of the learning rate."""
    final: Annotated[float, Field(ge=0, le=1)] = 0.0001
    """The last rate, as a part of the learning rate."""


class Step(Section):
    """Multiply the rate by `factor` after every `every` of all steps."""

    kind: Literal["step"]
    every: Annotated[float, Field(gt=0, le=1)] = 0.3
    """The length of a stair, as a part of all steps."""
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    warmup: Fraction = 0.0
    """The part of all steps over which the rate grows linearly from 0."""


Schedule = Annotated[Constant | Cosine | OneCycle | Step, Field(discriminator="kind")]


class Train(Section):
    """How long, in what batches, in what numbers."""

    epochs: PositiveInt | None = None
    """How often every training sample is used. Give `epochs` or `steps`; 10 epochs by default."""
    steps: PositiveInt | None = None
    """How many updates of the weights in all, instead of `epochs`."""
    batch_size: PositiveInt = 64
    """Samples of one update, over all workers together."""
    slices: PositiveInt | None = None
    """Parts a batch is cut into, whatever the workers. Default: the most workers asked for."""
    threads_per_slice: PositiveInt = 1
    """CPU threads that compute one slice. Part of the job, because it changes the last bits."""
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    """Number format of the network's arithmetic; weights and sums stay fp32. `auto` takes bf16
    for convolutions on hardware made for it."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    clip: PositiveFloat | None = None
    """Scale the gradient down to this length where it is longer."""
    accumulate: PositiveInt = 1
    """Compute each slice in this many pieces, one after the other, to save memory."""
    sum: Literal["exact", "fast"] = "exact"
    """`exact`: the same bits on any number of workers. `fast`: torch's own all-reduce."""

    @model_validator(mode="after")
    def _one_length(self) -> "Train":
        if self.epochs is not None and self.steps is not None:
            raise ValueError("epochs and steps are both given; keep one of them")
        return self


class Between(Section):
    """A number of workers that may change while training."""

    min: PositiveInt
    max: PositiveInt

    @model_validator(mode="after")
    def _ordered(self) -> "Between":
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is above max ({self.max})")
        return self


class Resources(Section):
    """What the workers need."""

    workers: PositiveInt | Between = 1
    """How many workers: a number, or `{min: 1, max: 4}`."""
    cpus: PositiveInt = 1
    """CPU cores a worker. More than `threads_per_slice` computes several slices side by side."""
    gpus: Annotated[int, Field(ge=0, le=1)] = 0
    """GPUs a worker: 0 or 1."""

    @property
    def max_workers(self) -> int:
        """The largest number of workers the job may have."""
        return self.workers if isinstance(self.workers, int) else self.workers.max

    @property
    def min_workers(self) -> int:
        """The smallest number of workers the job may start with."""
        return self.workers if isinstance(self.workers, int) else self.workers.min


class Checkpoint(Section):
    """When the state of training is saved, and how much of it is kept."""

    every_steps: PositiveInt | None = None
    """Save after every so many steps; besides, after each epoch and at the end."""
    every: Seconds = 60.0
    """Save when this much time has passed since the last one ("90s", "10m")."""
    keep: PositiveInt = 2
    """How many of the newest checkpoints are kept."""


class Evaluate(Section):
    """When the network is measured on samples it does not learn from."""

    split: str = "test"
    """The split of the dataset to measure on."""
    every_epochs: PositiveInt = 1
    batch_size: PositiveInt = 1000
    """Samples computed at once."""


class Job(Section):
    """One training, as a person asks for it."""

    name: Name
    """Lower-case letters, digits and dashes; names the run folders."""
    network: Part
    task: Part = Part(kind="classify")
    data: Data = Data()
    optimizer: Optimizer = Sgd(kind="sgd")
    schedule: Schedule = Constant()
    train: Train = Train()
    resources: Resources = Resources()
    checkpoint: Checkpoint = Checkpoint()
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _fits(self) -> "Job":
        if self.num_slices < self.resources.max_workers:
            raise ValueError(
                f"train.slices is {self.num_slices}, but resources.workers asks for "
                f"{self.resources.max_workers}: a worker needs at least one slice"
            )
        if self.train.batch_size < self.num_slices:
            raise ValueError(
                f"train.batch_size is {self.train.batch_size}, but a batch is cut into "
                f"{self.num_slices} slices: a slice needs at least one sample"
            )
        return self

    @property
    def num_slices(self) -> int:
        """S: the parts of every batch, the same for all attempts of a run."""
        return self.train.slices or self.resources.max_workers
