"""The learning rate over the steps, as a job file sets it."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from distnet.spec.sections.section import OWN, Fraction, OwnKind, Part, Section, form_of


class Constant(Section):
    """A constant learning rate, after the warm-up."""

    kind: Literal["constant"] = "constant"
    warmup: Fraction = 0.0
    """The fraction of all steps over which the rate grows; each of its n steps adds 1/n."""


class Cosine(Section):
    """Half a cosine, from the learning rate to a fraction `final` (Loshchilov and Hutter 2017).

    As torch's CosineAnnealingLR; `final` would be the rate of the step after the last.
    """

    kind: Literal["cosine"]
    warmup: Fraction = 0.0
    """The fraction of all steps over which the rate grows; each of its n steps adds 1/n."""
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The rate at the end, as a fraction of the learning rate."""


class OneCycle(Section):
    """Up to the learning rate and down again, along cosines (Smith and Topin 2018).

    As torch's OneCycleLR with `cycle_momentum=False`.
    """

    kind: Literal["one-cycle"]
    peak: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """The position of the peak, as a fraction of all steps."""
    first: Annotated[float, Field(gt=0, le=1)] = 0.04
    """The first rate, as a fraction of the learning rate."""
    final: Annotated[float, Field(ge=0, le=1)] = 0.0001
    """The last rate, as a fraction of the learning rate."""


class Step(Section):
    """Multiply the rate by `factor` at regular steps."""

    kind: Literal["step"]
    every: Annotated[float, Field(gt=0, le=1)] = 0.3
    """The number of steps between two changes, as a fraction of all steps."""
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """What the rate is multiplied by at each change."""
    warmup: Fraction = 0.0
    """The fraction of all steps over which the rate grows; each of its n steps adds 1/n."""


class Exponential(Section):
    """Multiply the rate by the same factor at each step: equal ratios in equal times.

    As torch's ExponentialLR; `final` would be the rate of the step after the last.
    """

    kind: Literal["exponential"]
    first: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The first rate, as a fraction of the learning rate."""
    final: Annotated[float, Field(gt=0, le=1)] = 0.01
    """The rate at the end, as a fraction of the learning rate."""


class OwnSchedule(Part):
    """Your own class with `factor(step, num_steps)`, and the options of its constructor."""

    kind: OwnKind


Shipped = Constant | Cosine | OneCycle | Step | Exponential
Schedule = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[OneCycle, Tag("one-cycle")]
    | Annotated[Step, Tag("step")]
    | Annotated[Exponential, Tag("exponential")]
    | Annotated[OwnSchedule, Tag(OWN)],
    Discriminator(form_of("constant")),
]
