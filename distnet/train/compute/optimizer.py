"""Optimizers over one flat vector: one fused operation an update, the same bits everywhere.

The operations are torch's own fused ones, on the long stretches of the flat vector instead of many
small tensors. By default weight decay applies to weights of two or more dimensions; biases and the
scales of normalisation do not decay. The state of an optimizer is its named vectors, so that
checkpoints need no knowledge of the optimizer.
"""

from collections.abc import Callable
from typing import assert_never

import torch
from torch import Tensor

from distnet.spec.sections.optimizer import Adam, AdamW, Lion, Optimizer, Sgd

Update = Callable[[Tensor, float], None]
"""(gradient [P], learning rate): change the weights in place."""
Group = tuple[list[slice], float]
"""Stretches of the flat vector that have one weight decay."""


class FlatOptimizer:
    """One of the job file's optimizers, on the weights of one player.

    Args:
        spec: the job file's section.
        weights: [P], which it moves.
        decayed: [P], 1 where weight decay applies.
    """

    def __init__(self, spec: Optimizer, weights: Tensor, decayed: Tensor) -> None:
        self.state: dict[str, Tensor] = {}
        self.num_updates = 0
        """Updates made so far: bias correction counts these, not the steps that were skipped."""
        self._weights, self._decayed = weights, decayed
        self._update = self._build(spec)

    def update(self, gradient: Tensor, rate: float) -> None:
        """Move the weights by one update.

        Args:
            gradient: [P]; may be changed.
            rate: the learning rate.
        """
        self.num_updates += 1
        self._update(gradient, rate)

    def _build(self, spec: Optimizer) -> Update:
        match spec:
            case Sgd():
                return self._sgd(spec)
            case Adam() | AdamW():
                return self._adam(spec)
            case Lion():
                return self._lion(spec)
            case _:
                assert_never(spec)

    def _vector(self, name: str) -> Tensor:
        self.state[name] = torch.zeros_like(self._weights)
        return self.state[name]

    def _groups(self, weight_decay: float) -> list[Group]:
        """The stretches with and without weight decay; without any, the whole vector."""
        if not weight_decay:
            return [([slice(None)], 0.0)]
        return [
            (stretches, decay)
            for stretches, decay in (
                (_runs(self._decayed > 0), weight_decay),
                (_runs(self._decayed == 0), 0.0),
            )
            if stretches
        ]

    def _sgd(self, spec: Sgd) -> Update:
        """Step along v <- m v + g; or, nesterov, along g + m v.

        Source: Sutskever et al. 2013, "On the importance of initialization and momentum", in
        the form of torch.optim.SGD.
        """
        momentum = spec.momentum or 0.0
        velocity = self._vector("velocity") if momentum else None
        groups = [
            (_cut(self._weights, s), [] if velocity is None else _cut(velocity, s), s, decay)
            for s, decay in self._groups(spec.weight_decay)
        ]

        def update(gradient: Tensor, rate: float) -> None:
            for weights, velocities, stretches, decay in groups:
                torch._fused_sgd_(
                    weights,
                    _cut(gradient, stretches),
                    velocities,
                    weight_decay=decay,
                    momentum=momentum,
                    lr=rate,
                    dampening=0.0,
                    nesterov=spec.nesterov,
                    maximize=False,
                    is_first_step=False,
                )

        return update

    def _adam(self, spec: Adam | AdamW) -> Update:
        """Moments of the gradient, corrected for their start at zero.

        Source: Kingma and Ba 2015, "Adam"; Loshchilov and Hutter 2019, "Decoupled Weight Decay
        Regularization".
        """
        mean, square = self._vector("mean"), self._vector("square")
        fused = torch._fused_adamw_ if spec.kind == "adamw" else torch._fused_adam_
        count = torch.zeros((), dtype=torch.float32, device=self._weights.device)
        groups = [
            ([_cut(vector, s) for vector in (self._weights, mean, square)], s, decay)
            for s, decay in self._groups(spec.weight_decay)
        ]

        def update(gradient: Tensor, rate: float) -> None:
            count.fill_(self.num_updates)
            for (weights, means, squares), stretches, decay in groups:
                fused(
                    weights,
                    _cut(gradient, stretches),
                    means,
                    squares,
                    [],
                    [count] * len(weights),
                    lr=rate,
                    beta1=spec.betas[0],
                    beta2=spec.betas[1],
                    weight_decay=decay,
                    eps=spec.epsilon,
                    amsgrad=False,
                    maximize=False,
                )

        return update

    def _lion(self, spec: Lion) -> Update:
        """The sign of an interpolation between momentum and gradient.

        Source: Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", program 1.
        """
        momentum = self._vector("momentum")
        first, second = spec.betas
        weights = self._weights

        def update(gradient: Tensor, rate: float) -> None:
            change = (momentum * first).add_(gradient * (1 - first)).sign_()
            if spec.weight_decay:
                change.add_(self._decayed * weights * spec.weight_decay)
            weights.sub_(change.mul_(rate))
            momentum.mul_(second).add_(gradient * (1 - second))

        return update


def clip(gradient: Tensor, norm: float, longest: float | None) -> None:
    """Scale a gradient of length `norm` down to `longest`, in place.

    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks".
    """
    if longest is not None and norm > longest:
        gradient.mul_(longest / norm)


def _cut(vector: Tensor, stretches: list[slice]) -> list[Tensor]:
    return [vector[stretch] for stretch in stretches]


def _runs(is_in: Tensor) -> list[slice]:
    """The stretches in which a mask [P] is true."""
    edges = torch.diff(is_in.int().cpu(), prepend=torch.zeros(1), append=torch.zeros(1))
    starts, ends = (edges > 0).nonzero()[:, 0].tolist(), (edges < 0).nonzero()[:, 0].tolist()
    return [slice(start, end) for start, end in zip(starts, ends, strict=True)]
