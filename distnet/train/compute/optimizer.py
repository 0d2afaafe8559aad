"""Optimizers over one flat vector: one fused operation an update, the same bits everywhere.

The operations are torch's own fused ones, on the long stretches of the flat vector instead of many
small tensors. By default weight decay applies to weights of two or more dimensions; biases and the
scales of normalisation do not decay. The state of an optimizer is its named vectors, so that
checkpoints need no knowledge of the optimizer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, assert_never

import torch
from torch import Tensor

from distnet.spec.sections.optimizer import Adam, AdamW, Lion, Sgd, Shipped
from distnet.train.compute.groups import MovedGroup

Update = Callable[[Tensor, float, int], None]
"""(gradient [P], learning rate, updates so far): change the weights of a group in place."""
FROZEN = "frozen_updates"
"""The state that counts, for each group, the updates that were made while it was frozen."""


class PlayerOptimizer(Protocol):
    """What moves the weights of one player: a shipped optimizer, or the user's own."""

    num_updates: int
    """Updates made so far: bias correction counts these, not the steps that were skipped."""

    @property
    def state(self) -> Mapping[str, Tensor]:
        """All that must survive a restart, by name."""
        ...

    def load(self, vectors: Mapping[str, Tensor]) -> None:
        """Go on from a state; other vectors may stand beside it."""
        ...

    def update(self, gradient: Tensor, rate: float, step: int) -> None:
        """Move the weights by one update; see `FlatOptimizer.update`."""
        ...

    def frozen(self, step: int) -> list[slice]:
        """The stretches of the weights that do not move at `step`."""
        ...


class FlatOptimizer:
    """One of the job file's optimizers, on the weights of one player.

    Args:
        spec: the job file's section.
        weights: [P], which it moves.
        groups: stretches of `weights` that move alike; together all of it.
    """

    def __init__(self, spec: Shipped, weights: Tensor, groups: Sequence[MovedGroup]) -> None:
        self.state: dict[str, Tensor] = {}
        self.num_updates = 0
        self._weights, self._groups = weights, groups
        self._frozen = torch.zeros(len(groups), dtype=torch.int64)
        self._updates = [self._build(spec, group) for group in groups]
        if any(group.first_step for group in groups):
            self.state[FROZEN] = self._frozen

    def load(self, vectors: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        for name, vector in self.state.items():
            vector.copy_(vectors[name])

    def update(self, gradient: Tensor, rate: float, step: int) -> None:
        """Move the weights by one update.

        Args:
            gradient: [P]; may be changed.
            rate: the learning rate.
            step: the step of the run, from 0: what is frozen then does not move.
        """
        self.num_updates += 1
        for index, (group, update) in enumerate(zip(self._groups, self._updates, strict=True)):
            if group.is_frozen(step):
                self._frozen[index] += 1
            else:
                missed = int(self._frozen[index]) if group.first_step else 0
                update(gradient, rate * group.rate, self.num_updates - missed)

    def frozen(self, step: int) -> list[slice]:
        """The stretches of the weights that do not move at `step`."""
        return [each for group in self._groups if group.is_frozen(step) for each in group.slices]

    def _build(self, spec: Shipped, group: MovedGroup) -> Update:
        match spec:
            case Sgd():
                return self._sgd(spec, group)
            case Adam() | AdamW():
                return self._adam(spec, group)
            case Lion():
                return self._lion(spec, group)
            case _:
                assert_never(spec)

    def _vector(self, name: str) -> Tensor:
        """One vector [P] of the state, shared by all groups."""
        if name not in self.state:
            self.state[name] = torch.zeros_like(self._weights)
        return self.state[name]

    def _sgd(self, spec: Sgd, group: MovedGroup) -> Update:
        """Step along v <- m v + g; or, nesterov, along g + m v.

        Source: Sutskever et al. 2013, "On the importance of initialization and momentum", in
        the form of torch.optim.SGD.
        """
        momentum = spec.momentum or 0.0
        weights = group.cut(self._weights)
        velocities = group.cut(self._vector("velocity")) if momentum else []

        def update(gradient: Tensor, rate: float, _: int) -> None:
            torch._fused_sgd_(
                weights,
                group.cut(gradient),
                velocities,
                weight_decay=group.weight_decay,
                momentum=momentum,
                lr=rate,
                dampening=0.0,
                nesterov=spec.nesterov,
                maximize=False,
                is_first_step=False,
            )

        return update

    def _adam(self, spec: Adam | AdamW, group: MovedGroup) -> Update:
        """Moments of the gradient, corrected for their start at zero.

        Source: Kingma and Ba 2015, "Adam"; Loshchilov and Hutter 2019, "Decoupled Weight Decay
        Regularization".
        """
        fused = torch._fused_adamw_ if spec.kind == "adamw" else torch._fused_adam_
        count = torch.zeros((), dtype=torch.float32, device=self._weights.device)
        vectors = self._weights, self._vector("mean"), self._vector("square")
        weights, means, squares = map(group.cut, vectors)

        def update(gradient: Tensor, rate: float, num_updates: int) -> None:
            count.fill_(num_updates)
            fused(
                weights,
                group.cut(gradient),
                means,
                squares,
                [],
                [count] * len(weights),
                lr=rate,
                beta1=spec.betas[0],
                beta2=spec.betas[1],
                weight_decay=group.weight_decay,
                eps=spec.epsilon,
                amsgrad=False,
                maximize=False,
            )

        return update

    def _lion(self, spec: Lion, group: MovedGroup) -> Update:
        """The sign of an interpolation between momentum and gradient.

        Source: Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", program 1.
        """
        first, second = spec.betas
        pairs = list(
            zip(group.cut(self._weights), group.cut(self._vector("momentum")), strict=True)
        )

        def update(gradient: Tensor, rate: float, _: int) -> None:
            for (weights, momentum), part in zip(pairs, group.cut(gradient), strict=True):
                change = (momentum * first).add_(part * (1 - first)).sign_()
                if group.weight_decay:
                    change.add_(weights * group.weight_decay)
                weights.sub_(change.mul_(rate))
                momentum.mul_(second).add_(part * (1 - second))

        return update


def clip(gradient: Tensor, norm: float, longest: float | None) -> None:
    """Scale a gradient of length `norm` down to `longest`, in place.

    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks".
    """
    if longest is not None and norm > longest:
        gradient.mul_(longest / norm)
