"""Optimizers, as a job file asks for them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from distnet.spec.reading.faults import KeyFaultError
from distnet.spec.sections.section import (
    OWN,
    Fraction,
    NonNegativeFloat,
    OwnKind,
    Part,
    PositiveFloat,
    Section,
    form_of,
)

Decay = Annotated[
    Literal["weights", "all"],
    Field(
        description="What weight_decay applies to: `weights`, all parameters of two or more "
        "dimensions, so neither biases nor the scales of normalisation; or `all`, as torch does."
    ),
]
NoDecay = Annotated[
    tuple[str, ...],
    Field(
        description="Name patterns of parameters that weight_decay leaves alone, such as "
        '"*.position".'
    ),
]


class Group(Section):
    """Parameters that move in another way than the others, by their names."""

    match: str
    """A name pattern, such as "*.bias". Of several groups the first that matches counts."""
    rate: PositiveFloat = 1.0
    """A factor of the learning rate."""
    weight_decay: NonNegativeFloat | None = None
    """Instead of the optimizer's, and for all of these parameters, whatever `decay` says."""
    frozen_epochs: Annotated[int, Field(ge=0, lt=2**31)] | Literal["all"] = 0
    """They do not move in the first N epochs of the run, or in `all`."""


def group_of(names: Sequence[str], groups: Sequence[Group]) -> Group | None:
    """The group of a parameter, by all of its names; None if it is in none."""
    matching = (g for g in groups if any(fnmatchcase(name, g.match) for name in names))
    return next(matching, None)


Groups = Annotated[
    tuple[Group, ...],
    Field(description="Parameters with a rate or decay of their own, or frozen, by name pattern."),
]


class Sgd(Section):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013)."""

    kind: Literal["sgd"]
    learning_rate: PositiveFloat = 0.1
    """The step size along the gradient; the schedule scales it."""
    momentum: Fraction = 0.0
    """The fraction of the last update that the next one keeps; 0.9 is usual."""
    nesterov: bool = False
    """Use Nesterov momentum: the gradient at the point where momentum leads."""
    weight_decay: NonNegativeFloat = 0.0
    """Strength of L2 regularisation, added to the gradient."""
    decay: Decay = "weights"
    no_decay: NoDecay = ()
    groups: Groups = ()

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise KeyFaultError("nesterov", "found true, expected momentum above 0 with it")
        return self


class Adam(Section):
    """Adam; weight decay is added to the gradient (Kingma and Ba 2015)."""

    kind: Literal["adam"]
    learning_rate: PositiveFloat = 1e-3
    """The step size along the gradient; the schedule scales it."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Decay rates of the running means of the gradient and of its square."""
    epsilon: PositiveFloat = 1e-8
    """Added to the denominator to keep the division finite."""
    weight_decay: NonNegativeFloat = 0.0
    """Strength of L2 regularisation, added to the gradient."""
    decay: Decay = "weights"
    no_decay: NoDecay = ()
    groups: Groups = ()


class AdamW(Section):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    kind: Literal["adamw"]
    learning_rate: PositiveFloat = 1e-3
    """The step size along the gradient; the schedule scales it."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Decay rates of the running means of the gradient and of its square."""
    epsilon: PositiveFloat = 1e-8
    """Added to the denominator to keep the division finite."""
    weight_decay: NonNegativeFloat = 0.01
    """Strength of weight decay, decoupled from the gradient."""
    decay: Decay = "weights"
    no_decay: NoDecay = ()
    groups: Groups = ()


class Lion(Section):
    """Sign of an interpolated momentum (Chen et al. 2023)."""

    kind: Literal["lion"]
    learning_rate: PositiveFloat = 1e-4
    """The step size along the gradient; the schedule scales it."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.99)
    """How much of the momentum enters the update, and the next momentum."""
    weight_decay: NonNegativeFloat = 0.0
    """Strength of weight decay, decoupled from the gradient."""
    decay: Decay = "weights"
    no_decay: NoDecay = ()
    groups: Groups = ()


class OwnOptimizer(Part):
    """Your own `torch.optim.Optimizer`, and the options of its constructor."""

    kind: OwnKind
    learning_rate: PositiveFloat
    """What the constructor takes as `lr`; the schedule scales it."""
    weight_decay: NonNegativeFloat = 0.0
    """What the constructor takes as `weight_decay`, of the parameters that decay."""
    decay: Decay = "weights"
    no_decay: NoDecay = ()
    groups: Groups = ()

    @model_validator(mode="before")
    @classmethod
    def _has_no_lr(cls, values: Any) -> Any:
        if isinstance(values, dict) and "lr" in values:
            wanted = "expected `learning_rate`, which the schedule scales"
            raise KeyFaultError("lr", f"found `lr`, {wanted}")
        return values


Shipped = Sgd | Adam | AdamW | Lion
Optimizer = Annotated[
    Annotated[Sgd, Tag("sgd")]
    | Annotated[Adam, Tag("adam")]
    | Annotated[AdamW, Tag("adamw")]
    | Annotated[Lion, Tag("lion")]
    | Annotated[OwnOptimizer, Tag(OWN)],
    Discriminator(form_of("sgd")),
]
