"""Mix each sample with another one of its slice: mixup and cutmix.

Partners and shares are drawn from torch's global generator, which is seeded by (seed, step, slice):
what is mixed does not depend on the workers. Every sample has a share of its own, so that a job
with other slices mixes as much.

Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization"; Yun et al. 2019, "CutMix".
Unlike their programs, no sample is its own partner, and shares are drawn a sample, not a batch.

Letters: n samples, C channels, H height, W width.
"""

import torch
from torch import Tensor
from torch.distributions import Beta

from distnet.data.batch import Batch
from distnet.spec.sections.augmentation import Mix

PARTNER, SHARE = "mix.partner", "mix.share"
"""Fields of a mixed batch: the targets of the partners [n, ...]; what of each sample is left, in
[0, 1], float32 [n]."""


class Mixing:
    """Mixes the inputs `x`, scaled, and adds the fields from which a loss mixes the targets `y`."""

    def __init__(self, mix: Mix) -> None:
        self._mix = mix

    def __call__(self, batch: Batch) -> Batch:
        """Mix samples whose inputs are images [n, C, H, W] or vectors [n, ...]."""
        x, y = batch.tensor("x"), batch.tensor("y")
        partner = _partners(len(x), x.device)
        x, share = self._mixed(x, x[partner])
        return Batch({**batch.fields, "x": x, PARTNER: y[partner], SHARE: share})

    def _mixed(self, x: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """The mixed inputs, and the share that each sample has in its own."""
        mix, shape = self._mix, (-1, *[1] * (x.ndim - 1))
        is_mixed = torch.rand(len(x), dtype=torch.float32, device=x.device) < mix.probability
        if mix.cutmix is None:
            share = _shares(mix.mixup or 1.0, is_mixed)
            return _added(x, other, share.reshape(shape)), share
        kept = _shares(mix.cutmix, is_mixed)
        inside = _rectangles(kept, x.shape[2:])
        cut, cut_share = torch.where(inside, other, x), 1 - inside.float().mean((1, 2, 3))
        if mix.mixup is None:
            return cut, cut_share
        is_cut, share = (
            torch.rand(len(x), dtype=torch.float32, device=x.device) < 0.5,
            _shares(mix.mixup, is_mixed),
        )
        added = _added(x, other, share.reshape(shape))
        return torch.where(is_cut.reshape(shape), cut, added), torch.where(is_cut, cut_share, share)


def build_mixing(mix: Mix | None) -> Mixing | None:
    """What mixes the samples of a job; None where it mixes none."""
    return None if mix is None else Mixing(mix)


def _partners(num: int, device: torch.device) -> Tensor:
    """Another sample for each one, int64 [n]: the next one on a random round through all."""
    order = torch.randperm(num, device=device)
    partners = torch.empty_like(order)
    partners[order] = order.roll(1)
    return partners


def _shares(alpha: float, is_mixed: Tensor) -> Tensor:
    """Draw what is left of each sample, float32 [n]; all of those that are not mixed."""
    alphas = torch.full(is_mixed.shape, alpha, dtype=torch.float32, device=is_mixed.device)
    shares: Tensor = Beta(alphas, alphas, validate_args=False).sample()
    return torch.where(is_mixed, shares, 1.0)


def _added(x: Tensor, other: Tensor, share: Tensor) -> Tensor:
    return share * x + (1 - share) * other


def _rectangles(kept: Tensor, size: torch.Size) -> Tensor:
    """Where the other image lies, bool [n, 1, H, W]: at any place, cut off at the edges."""
    part = (1 - kept).sqrt()
    rows, columns = (_stretch(part, length) for length in size)
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _stretch(part: Tensor, length: int) -> Tensor:
    """A stretch of an axis around a drawn centre, bool [n, length]."""
    half = (part * length).int() // 2
    centre = (torch.rand(len(part), dtype=torch.float32, device=part.device) * length).int()
    at = torch.arange(length, device=part.device)
    return (at >= (centre - half)[:, None]) & (at < (centre + half)[:, None])
