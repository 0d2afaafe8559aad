"""What the workers of a job need: how many there are, their CPUs and GPUs, on which nodes."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from distnet.spec.reading.faults import KeyFaultError
from distnet.spec.sections.section import PositiveInt, Section
from distnet.spec.selector import Selector

LABEL = r"([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
LABELLED = "letters, digits, dots, dashes and underscores, such as H100"


def _label(text: str) -> str:
    if not re.fullmatch(LABEL, text):
        raise ValueError(f"expected {LABELLED}")
    return text


def _types(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _at_most_one(value: Any) -> Any:
    if isinstance(value, int) and value > 1:
        raise ValueError(
            "expected 0 or 1: each worker trains a copy of the network on a GPU of its own, so "
            "that more GPUs are more workers (resources.workers)"
        )
    return value


Label = Annotated[str, AfterValidator(_label), Field(json_schema_extra={"pattern": f"^{LABEL}$"})]
GpuTypes = Annotated[
    tuple[Label, ...],
    BeforeValidator(_types),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^{LABEL}$"},
                   {"type": "array", "items": {"type": "string", "pattern": f"^{LABEL}$"}}]}
    ),
]  # fmt: skip


class Between(Section):
    """A number of workers that may change during training."""

    min: PositiveInt
    """The minimum of workers with which training starts."""
    max: PositiveInt
    """The maximum of workers that training uses."""

    @model_validator(mode="after")
    def _ordered(self) -> "Between":
        if self.min > self.max:
            raise KeyFaultError("min", f"found {self.min}, expected at most the max of {self.max}")
        return self


def _workers_form(value: object) -> str:
    return "between" if isinstance(value, dict | Between) else "number"


Workers = Annotated[
    Annotated[PositiveInt, Tag("number")] | Annotated[Between, Tag("between")],
    Discriminator(_workers_form),
]


class Resources(Section):
    """What the workers need."""

    workers: Workers = 1
    """How many workers: a number, or `{min: 1, max: 4}`."""
    cpus: PositiveInt | None = None
    """CPU cores reserved per worker; `threads_per_slice` by default. A slice does not use more
    cores than its threads."""
    gpus: Annotated[int, BeforeValidator(_at_most_one), Field(ge=0, le=1)] = 0
    """GPUs per worker: 0 or 1."""
    gpu: GpuTypes | None = None
    """On a cluster: the type of the GPUs, such as H100, or a list of types that will all do. It
    implies `gpus: 1`. Types are those of `distnet nodes`."""
    labels: dict[Label, Label] = {}
    """On a cluster: labels that a node must have for a worker to run there, such as `{zone: a}`."""

    @model_validator(mode="before")
    @classmethod
    def _implied(cls, values: object) -> object:
        if isinstance(values, Mapping) and values.get("gpu") and "gpus" not in values:
            return {**values, "gpus": 1}
        return values

    @model_validator(mode="after")
    def _has_gpus(self) -> "Resources":
        if self.gpu and not self.gpus:
            raise KeyFaultError("gpus", "found 0 beside gpu, expected 1")
        return self

    @property
    def selector(self) -> Selector | None:
        """The nodes that its workers may use; None: any."""
        if not self.gpu and not self.labels:
            return None
        return Selector(self.gpu or (), tuple(sorted(self.labels.items())))

    @property
    def max_workers(self) -> int:
        """The maximum of workers."""
        return self.workers if isinstance(self.workers, int) else self.workers.max

    @property
    def min_workers(self) -> int:
        """The minimum of workers to start with."""
        return self.workers if isinstance(self.workers, int) else self.workers.min
