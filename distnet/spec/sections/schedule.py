"""The learning rate over the steps, as a job file asks for it."""

from typing import Annotated, Literal

from pydantic import Field

from distnet.spec.sections.section import Fraction, Section


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
    """What the rate is multiplied by at each stair."""
    warmup: Fraction = 0.0
    """The part of all steps over which the rate grows linearly from 0."""


Schedule = Annotated[Constant | Cosine | OneCycle | Step, Field(discriminator="kind")]
