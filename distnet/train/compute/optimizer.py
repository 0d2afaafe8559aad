"""Optimizers over one flat vector: a few element-wise operations a step, the same bits everywhere.

Weight decay applies to weights of two or more dimensions; biases and the scales of normalisation
are left alone. The state of an optimizer is its named vectors, so that checkpoints need to know
nothing of it.
"""

from collections.abc import Callable
from typing import assert_never

import torch
from torch import Tensor

from distnet.spec.sections.optimizer import Adam, AdamW, Lion, Optimizer, Sgd

Update = Callable[[Tensor, float], None]
"""(gradient [P], learning rate): change the weights in place."""


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

    def _sgd(self, spec: Sgd) -> Update:
        """Step along v <- m v + g; or, nesterov, along g + m v.

        Source: Sutskever et al. 2013, "On the importance of initialization and momentum", in
        the form of torch.optim.SGD.
        """
        weights = self._weights
        velocity = self._vector("velocity") if spec.momentum else None

        def update(gradient: Tensor, rate: float) -> None:
            if spec.weight_decay:
                gradient = gradient + self._decayed * weights * spec.weight_decay
            if velocity is None:
                weights.sub_(gradient * rate)
                return
            velocity.mul_(spec.momentum).add_(gradient)
            change = gradient + velocity * spec.momentum if spec.nesterov else velocity
            weights.sub_(change * rate)

        return update

    def _adam(self, spec: Adam | AdamW) -> Update:
        """Moments of the gradient, corrected for their start at zero.

        Source: Kingma and Ba 2015, "Adam"; Loshchilov and Hutter 2019, "Decoupled Weight Decay
        Regularization".
        """
        mean, square = self._vector("mean"), self._vector("square")
        first, second = spec.betas
        is_decoupled, weights = spec.kind == "adamw", self._weights

        def update(gradient: Tensor, rate: float) -> None:
            if spec.weight_decay and is_decoupled:
                weights.sub_(self._decayed * weights * (rate * spec.weight_decay))
            elif spec.weight_decay:
                gradient = gradient + self._decayed * weights * spec.weight_decay
            mean.mul_(first).add_(gradient * (1 - first))
            square.mul_(second).add_((gradient * gradient).mul_(1 - second))
            scale = (square / (1 - second**self.num_updates)).sqrt_().add_(spec.epsilon)
            weights.sub_((mean / scale).mul_(rate / (1 - first**self.num_updates)))

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
