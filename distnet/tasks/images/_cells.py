"""What the cells of a detector's maps learn, and what their outputs mean.

Letters: n images, L cells of all levels, K classes, M boxes of the image that has most.

Source: Tian et al. 2019, "FCOS": a cell near the centre of a box learns its class and the distances
to its edges, on the level that suits the size of the box. Here the quality of a box is its overlap
with the true one (Wu et al. 2020, "IoU-aware single-stage object detector").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, log2

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from distnet.data.batch import Ragged

SMALLEST_SIDE = 8
"""A level has boxes whose longer side is up to 8 cells, and more than that on the level before."""
RADIUS = 1.5
"""A cell learns a box if its centre is at most as many cells away from that of the box."""
MOST_LOG = 6.0
"""Of a distance in cells; beyond, exp would overflow in the first steps."""
BOX_WEIGHT = 2.0
WITH_DIFFICULT = 6
"""Numbers of a box where those of difficult objects are marked."""


@dataclass(frozen=True)
class Cells:
    """The outputs of all cells, and where the cells are."""

    logits: Tensor
    """[n, L, K]: of the classes."""
    boxes: Tensor
    """[n, L, 4]: left, top, right, bottom in pixels."""
    quality: Tensor
    """[n, L]: the logit of how well the box fits."""
    centres: Tensor
    """[L, 2]: x and y in pixels."""
    sides: Tensor
    """[L]: of the cells, in pixels."""
    limits: Tensor
    """[L, 2]: the longer side of the boxes of the level is above the first, up to the second."""

    @classmethod
    def of(cls, levels: Sequence[Tensor], size: tuple[int, int]) -> "Cells":
        """Read maps [n, K + 5, h, w] of images of `size` (height, width)."""
        outputs = torch.cat([level.float().flatten(2) for level in levels], 2).transpose(1, 2)
        grids = [_grid(level, size) for level in levels]
        centres_L2 = torch.cat([centres for centres, _ in grids])

        def of_cells(of_levels: Sequence[float]) -> Tensor:
            """A number of each level for each of its cells, [L]."""
            pairs = zip(grids, of_levels, strict=True)
            return torch.cat([centres.new_full([len(centres)], n) for (centres, _), n in pairs])

        limits = [SMALLEST_SIDE * side for _, side in grids[:-1]]
        limits_L2 = torch.stack([of_cells([0, *limits]), of_cells([*limits, inf])], 1)
        sides_L = of_cells([side for _, side in grids])
        logits, distances, quality = outputs.tensor_split([-5, -1], dim=2)
        reach = distances.clamp(max=MOST_LOG).exp() * sides_L[:, None]
        boxes = torch.cat([centres_L2 - reach[..., :2], centres_L2 + reach[..., 2:]], 2)
        return cls(logits, boxes, quality[..., 0], centres_L2, sides_L, limits_L2)

    def losses(self, boxes: Ragged) -> tuple[Tensor, Tensor]:
        """The loss of each image [n], and the number of cells [n] that learn a box.

        Cells at difficult objects learn nothing: neither these, nor that there are none.
        """
        learned, is_learned = self.learned(boxes)
        num_classes = self.logits.shape[2]
        target = F.one_hot(learned[..., 4].long(), num_classes) * is_learned[..., None]
        of_class = sigmoid_focal_loss(self.logits, target.float())
        if learned.shape[2] == WITH_DIFFICULT:
            is_left_out = is_learned & (learned[..., 5] > 0)
            of_class, is_learned = of_class * ~is_left_out[..., None], is_learned & ~is_left_out
        of_class = of_class.sum((1, 2))
        overlap, generalised = paired_overlaps(self.boxes, learned[..., :4])
        of_box = BOX_WEIGHT * (1 - generalised)
        of_quality = F.binary_cross_entropy_with_logits(
            self.quality, overlap.detach(), reduction="none"
        )
        positive = is_learned.float()
        return of_class + ((of_box + of_quality) * positive).sum(1), positive.sum(1)

    def learned(self, boxes: Ragged) -> tuple[Tensor, Tensor]:
        """The box [n, L, 5 or 6] that each cell learns, and whether it learns any [n, L].

        A cell within reach of several boxes learns the smallest.
        """
        every, is_box = boxes.padded(), boxes.mask()
        if every.shape[1] == 0:
            every = every.new_zeros(len(boxes), 1, every.shape[2])
            is_box = is_box.new_zeros(len(boxes), 1)
        edges_n1M4 = every[:, None, :, :4]
        sides = edges_n1M4[..., 2:] - edges_n1M4[..., :2]
        longest, area = sides.amax(3), sides.prod(3)
        centres_L12 = self.centres[:, None]
        away = (centres_L12 - edges_n1M4[..., :2] - sides / 2).abs().amax(3) / self.sides[:, None]
        is_inside = ((centres_L12 > edges_n1M4[..., :2]) & (centres_L12 < edges_n1M4[..., 2:])).all(
            3
        )
        is_near = (is_inside & (away < RADIUS)) | (away <= 0.5)
        is_of_level = (longest > self.limits[:, :1]) & (longest <= self.limits[:, 1:])
        is_match = is_near & is_of_level & is_box[:, None]
        smallest, index = torch.where(is_match, area, inf).min(2)
        learned = every.gather(1, index[..., None].expand(-1, -1, every.shape[2]))
        return learned, smallest.isfinite()


def _grid(level: Tensor, size: tuple[int, int]) -> tuple[Tensor, float]:
    """The centres [h w, 2] of the cells of a map, and the side of a cell, in pixels."""
    height, width = level.shape[-2:]
    # A stage halves its maps and rounds up: the side of a cell is a power of two.
    side = 2.0 ** ceil(log2(max(size[0] / height, size[1] / width)))
    x = (torch.arange(width, device=level.device) + 0.5) * side
    y = (torch.arange(height, device=level.device) + 0.5) * side
    return torch.cartesian_prod(y, x).flip(1), side


def paired_overlaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and its generalised form, of boxes [..., 4] in pairs.

    Source: Rezatofighi et al. 2019, "Generalized Intersection over Union".
    """
    corner, end = first[..., :2].maximum(second[..., :2]), first[..., 2:].minimum(second[..., 2:])
    shared = (end - corner).clamp(min=0).prod(-1)
    union = _area(first) + _area(second) - shared
    corner, end = first[..., :2].minimum(second[..., :2]), first[..., 2:].maximum(second[..., 2:])
    around = (end - corner).prod(-1)
    overlap = shared / union
    return overlap, overlap - (around - union) / around


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)
