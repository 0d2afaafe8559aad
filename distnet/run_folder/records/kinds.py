"""The kinds of lines in `metrics.jsonl`, as frozen values."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, TypeAdapter

from distnet.run_folder.sample_digest import SampleDigest
from distnet.spec.metric import LOSS, Metric


def _read_metric(facts: Any) -> Metric:
    if isinstance(facts, Metric):
        return facts
    if not isinstance(facts, dict) or "name" not in facts:
        raise ValueError(f"expected an object with a name, found {facts!r}")
    return Metric.from_dict(facts)


# JSON has no NaN: a non-finite loss may be written as null.
Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
Metrics = dict[str, Number]
Declared = tuple[Annotated[InstanceOf[Metric], BeforeValidator(_read_metric)], ...]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Record(BaseModel):
    """A frozen part of a run folder; keys of a newer version are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SampleCounts(Record):
    """The samples of the epoch so far; None in records of older versions."""

    samples: int | None = None
    samples_hash: Hash | None = None
    skipped_samples: int | None = None
    skipped_hash: Hash | None = None

    @property
    def used(self) -> SampleDigest | None:
        """Those that moved the weights."""
        return _digest(self.samples, self.samples_hash)

    @property
    def skipped(self) -> SampleDigest | None:
        """Those that did not, because their loss or gradient was not finite."""
        return _digest(self.skipped_samples, self.skipped_hash)


class Attempt(SampleCounts):
    """One launch of the run on some workers."""

    kind: Literal["attempt"]
    attempt: int
    launch: str = ""
    cause: str = ""
    """Why it was launched: start, resume, resize, drain, or a kind of failure."""
    workers: int = 1
    workers_before: int = 0
    slices: int = 1
    step: int = 0
    """The step it began after: 0, or that of the checkpoint it resumed from."""
    num_steps: int | None = None
    time: float = math.nan
    """When it began, in seconds since 1970."""
    metrics: Declared = ()
    """What the task declares, the headline metric first; empty in records of older versions."""
    code: str | None = None
    """The sha256 of the user's own code; None if there is none, or in records of older versions."""
    packages: tuple[str, ...] = ()
    """The packages of the job beside those of the nodes, with their versions."""
    packages_seconds: float = 0.0
    """How long they took to install, on the slowest node; 0 where all nodes had them."""
    split: str = ""
    """The split that is evaluated; empty in records of older versions."""


class Step(Record):
    """One update of the weights; the task's metrics stand beside the loss under their names."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: Literal["step"]
    attempt: int = 1
    step: int
    epoch: int = 0
    loss: Number
    learning_rate: Number = math.nan
    gradient_norm: Number = math.nan
    samples_per_second: Number = math.nan
    seconds: Number = math.nan

    @property
    def metrics(self) -> dict[str, float]:
        """The loss and the task's training metrics, by name."""
        extra = {k: float(v) for k, v in (self.model_extra or {}).items() if is_number(v)}
        return {LOSS.name: self.loss, **extra}


RESERVED = tuple(Step.model_fields)
"""Names that a training metric cannot have: they are those of other facts of a step."""


class Restart(Record):
    """How long it took until the next attempt of the same command trained."""

    kind: Literal["restart"]
    attempt: int = 1
    cause: str = ""
    workers_before: int = Field(0, alias="from")
    workers: int = Field(0, alias="to")
    step: int
    seconds: float | None = None
    """From the last step of the attempt before to the first of this one."""


class Skip(Record):
    """An update that was skipped because the loss or the gradient was not finite."""

    kind: Literal["skip"]
    attempt: int = 1
    mode: Literal["skip", "rewind"]
    step: int
    from_step: int
    """Training went on with the weights of this step."""
    slice: int = 0
    samples: tuple[int, ...] = ()
    num_samples: int = 0
    reason: str = ""

    @property
    def steps(self) -> range:
        """The steps that did not move the weights."""
        first = self.from_step if self.mode == "rewind" else self.step - 1
        return range(first + 1, self.step + 1)


class Epoch(SampleCounts):
    """One pass over the training samples; each evaluated split stands under its own name."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: Literal["epoch"]
    attempt: int = 1
    epoch: int
    step: int
    train: Metrics = {}
    samples_per_second: Number = math.nan
    seconds: Number = math.nan

    @property
    def evaluated(self) -> dict[str, dict[str, float]]:
        """The metrics of each evaluated split, by the split's name."""
        splits = {k: v for k, v in (self.model_extra or {}).items() if isinstance(v, dict)}
        return {
            split: {k: float(v) for k, v in metrics.items() if is_number(v)}
            for split, metrics in splits.items()
        }


def key_of_split(split: str) -> str:
    """The key of an evaluated split in the records of epochs; `train` is one of training itself."""
    return f"evaluated_{split}" if split in Epoch.model_fields else split


class Logged(Record):
    """What callbacks have logged at a step, by name."""

    kind: Literal["logged"]
    attempt: int = 1
    step: int
    logged: Metrics = {}


class Final(Record):
    """What was measured once, after the last step, on a split that chose nothing."""

    kind: Literal["final"]
    attempt: int = 1
    step: int
    weights_step: int
    """The step whose weights were measured: the best one that is kept, or the last."""
    split: str
    metrics: Metrics = {}


class Checkpoint(Record):
    """A saved state of training; its folder is relative to that of the run."""

    kind: Literal["checkpoint"]
    attempt: int = 1
    step: int
    folder: str = ""
    num_bytes: int = 0
    stall_seconds: Number = math.nan
    """How long training waited for it."""
    seconds: Number = math.nan
    """Until it was on disk."""


class End(SampleCounts):
    """How an attempt ended."""

    kind: Literal["end"]
    attempt: int = 1
    status: Literal["finished", "stopped", "failed"]
    early: str | None = None
    """Why it finished before its last step."""
    step: int | None = None
    """None where the process that recorded the end did not train."""
    seconds: Number = math.nan
    median_step_seconds: float | None = None
    error: str | None = None
    failure: str | None = None
    """Its kind; see `distnet/errors.py`."""


Line = Attempt | Restart | Step | Skip | Epoch | Logged | Final | Checkpoint | End
LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


def _digest(num_samples: int | None, digits: str | None) -> SampleDigest | None:
    if num_samples is None or digits is None:
        return None
    return SampleDigest(num_samples, int(digits, 16))


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
