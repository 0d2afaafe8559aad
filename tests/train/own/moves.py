"""Optimizers and schedules of a user's own: good ones, and ones that are not."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Noisy(torch.optim.Optimizer):
    """Adam's direction with noise, a count in plain numbers and a mean of the whole step.

    Args:
        beta: how much of the mean is kept.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        beta: float = 0.9,
        noise: float = 0.01,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.beta, self.noise = beta, noise

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is None:
                    continue
                state = self.state[weights]
                if not state:
                    state.update(count=0, mean=torch.zeros_like(weights, dtype=torch.float64))
                state["count"] += 1
                state["mean"].mul_(self.beta).add_(weights.grad, alpha=1 - self.beta)
                unbiased = state["mean"] / (1 - self.beta ** state["count"])
                change = unbiased.sign() + self.noise * torch.randn_like(weights)
                weights.mul_(1 - group["lr"] * group["weight_decay"])
                weights.sub_((group["lr"] * change).float())


class Forgetful(Noisy):
    """Keeps its momentum where no checkpoint finds it."""

    def step(self, closure: Any = None) -> None:
        self.calls = getattr(self, "calls", 0) + 1
        for group in self.param_groups:
            for weights in group["params"]:
                weights.sub_(weights.grad, alpha=0.1 * self.calls)


class Replacing(Noisy):
    """Gives parameters other memory."""

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weights in group["params"]:
                weights.data = weights - weights.grad


class Failing(Noisy):
    """Raises an error."""

    def step(self, closure: Any = None) -> None:
        raise ValueError("no such step")


class Plain(torch.optim.Optimizer):
    """Knows no weight decay."""

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        super().__init__(params, {"lr": lr})


class NoOptimizer:
    """Not one of torch's."""

    def __init__(self, params: Iterable[Tensor]) -> None:
        """Takes what they take."""


class Wave:
    """A cosine that repeats.

    Args:
        periods: how many there are in a run.
    """

    def __init__(self, *, periods: float = 2.0) -> None:
        self.periods = periods

    def factor(self, step: int, num_steps: int) -> float:
        return 0.5 + 0.5 * math.cos(2 * math.pi * self.periods * step / num_steps)


class Counting:
    """Another factor each time."""

    def __init__(self) -> None:
        self.calls = 0

    def factor(self, step: int, num_steps: int) -> float:
        self.calls += 1
        return 1 / self.calls


class Negative:
    """Below 0 from step 10 on."""

    def factor(self, step: int, num_steps: int) -> float:
        return 1 - step / 10.5
