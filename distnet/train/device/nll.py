"""The negative log-likelihood of pixels and of sequences, with the same bits every time.

torch's own kernel for inputs [N, C, H, W], which `cross_entropy` also uses for [N, C, T], sums with
atomic additions.

Letters: N samples, C classes, H and W the pixels.
"""

import torch
from torch import Tensor

NONE, MEAN = 0, 1
"""Values of torch's `reduction`; 2 is the sum."""


def nll2d_forward(
    self: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """The loss, and the summed weight of the pixels that count.

    Args:
        self: [N, C, H, W], log-probabilities.
        target: [N, H, W], classes.
        weight: [C], of each class.
        reduction: none, mean or sum.
        ignore_index: a target that does not count.
    """
    is_used = target != ignore_index
    classes = target.where(is_used, 0)
    weights = _weights(self, classes, is_used, weight)
    picked = self.gather(1, classes.unsqueeze(1)).squeeze(1)
    losses = (-picked * weights).where(is_used, 0)
    if reduction == NONE:
        return losses, self.new_zeros(())
    total, summed = weights.sum(), losses.sum()
    return (summed / total if reduction == MEAN else summed), total


def nll2d_backward(  # noqa: PLR0917
    grad_output: Tensor,
    self: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: int,
    ignore_index: int,
    total_weight: Tensor,
) -> Tensor:
    """[N, C, H, W]: the gradient of the log-probabilities."""
    is_used = target != ignore_index
    classes = target.where(is_used, 0)
    scale = -grad_output * _weights(self, classes, is_used, weight)
    if reduction == MEAN:
        scale = scale / total_weight
    every = torch.arange(self.shape[1], device=self.device).view(1, -1, 1, 1)
    is_hit = (classes.unsqueeze(1) == every) & is_used.unsqueeze(1)
    return scale.unsqueeze(1).where(is_hit, 0).to(self.dtype)


def _weights(like: Tensor, classes: Tensor, is_used: Tensor, weight: Tensor | None) -> Tensor:
    """[N, H, W]: the weight of each pixel."""
    if weight is None:
        return is_used.to(like.dtype)
    return weight[classes].where(is_used, 0)
