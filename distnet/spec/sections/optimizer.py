"""Optimizers, as a job file asks for them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from distnet.spec.reading.faults import KeyFaultError
from distnet.spec.sections.section import Fraction, NonNegativeFloat, PositiveFloat, Section


class Sgd(Section):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013)."""

    kind: Literal["sgd"]
    learning_rate: PositiveFloat = 0.1
    """How far a step goes along the gradient; the schedule scales it."""
    momentum: Fraction = 0.0
    """The part of the last update that the next one keeps; 0.9 is usual."""
    nesterov: bool = False
    """Take the gradient where momentum alone would lead to."""
    weight_decay: NonNegativeFloat = 0.0
    """How strongly weights are pulled to zero (L2), added to the gradient."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise KeyFaultError("nesterov", "found true, expected momentum above 0 along with it")
        return self


class Adam(Section):
    """Adam; weight decay is added to the gradient (Kingma and Ba 2015)."""

    kind: Literal["adam"]
    learning_rate: PositiveFloat = 1e-3
    """How far a step goes along the gradient; the schedule scales it."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """How slowly the running means of the gradient and of its square change."""
    epsilon: PositiveFloat = 1e-8
    """Keeps the division by the root of the mean square finite."""
    weight_decay: NonNegativeFloat = 0.0
    """How strongly weights are pulled to zero (L2), added to the gradient."""


class AdamW(Section):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019)."""

    kind: Literal["adamw"]
    learning_rate: PositiveFloat = 1e-3
    """How far a step goes along the gradient; the schedule scales it."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """How slowly the running means of the gradient and of its square change."""
    epsilon: PositiveFloat = 1e-8
    """Keeps the division by the root of the mean square finite."""
    weight_decay: NonNegativeFloat = 0.01
    """How strongly weights are pulled to zero, apart from the gradient."""


class Lion(Section):
    """Sign of an interpolated momentum (Chen et al. 2023)."""

    kind: Literal["lion"]
    learning_rate: PositiveFloat = 1e-4
    """How far a step goes along the gradient; the schedule scales it."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.99)
    """How much of the momentum goes into the update, and into the next momentum."""
    weight_decay: NonNegativeFloat = 0.0
    """How strongly weights are pulled to zero, apart from the gradient."""


Optimizer = Annotated[Sgd | Adam | AdamW | Lion, Field(discriminator="kind")]
