"""From the outputs of a detector's cells to the objects of each image, and these as bytes.

Letters: K classes, L cells.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import batched_nms, clip_boxes_to_image

from distnet.tasks.images._cells import Cells

MOST_CANDIDATES = 1000
"""Of an image, before those that overlap with better ones are left out."""
MOST_OBJECTS = 100
"""Of an image: as many count in COCO's average precision."""
Found = NDArray[np.float32]
"""[n, 6]: left, top, right, bottom, score, class."""
True_ = NDArray[np.float32]
"""[n, 6]: left, top, right, bottom, class, and 1 for those that are not counted."""


def find_objects(
    cells: Cells,
    size: tuple[int, int],
    *,
    min_score: float,
    max_overlap: float,
    is_one_class: bool = False,
) -> list[Tensor]:
    """The objects [m, 6] of each image: left, top, right, bottom, score, class; the best first.

    Of boxes of one class that overlap by more than `max_overlap`, the best one stays (non-maximum
    suppression); with `is_one_class` of boxes of any class, so that one position has one class.
    """
    boxes = clip_boxes_to_image(cells.boxes, size)
    found = []
    for scores_LK, boxes_L4 in zip(scores(cells), boxes, strict=True):
        candidates = _candidates(scores_LK, boxes_L4, min_score)
        group = torch.zeros_like(candidates[:, 5]) if is_one_class else candidates[:, 5]
        kept = batched_nms(candidates[:, :4], candidates[:, 4], group, max_overlap)
        found.append(candidates[kept[:MOST_OBJECTS]])
    return found


def scores(cells: Cells) -> Tensor:
    """The geometric mean of the probability of each class and the quality of the box, [n, L, K]."""
    return (cells.logits.sigmoid() * cells.quality.sigmoid()[..., None]).sqrt()


def _candidates(scores_LK: Tensor, boxes_L4: Tensor, min_score: float) -> Tensor:
    """The best objects of an image, [m, 6], among them many for each position."""
    has_area = (boxes_L4[:, 2:] > boxes_L4[:, :2]).all(1)
    cell, label = ((scores_LK > min_score) & has_area[:, None]).nonzero().unbind(1)
    score, order = scores_LK[cell, label].sort(descending=True, stable=True)
    score, order = score[:MOST_CANDIDATES], order[:MOST_CANDIDATES]
    return torch.cat([boxes_L4[cell[order]], score[:, None], label[order, None].float()], 1)


def to_bytes(found: Sequence[Tensor], true: Sequence[Tensor]) -> bytes:
    """Write the objects that were found on some images [m, 6], and the true ones [m, 5 or 6]."""
    parts = []
    for of_image, expected in zip(found, true, strict=True):
        parts.append(np.array([len(of_image), len(expected)], np.int32).tobytes())
        boxes = F.pad(expected, (0, 6 - expected.shape[1]))
        parts += [each.cpu().numpy().astype(np.float32).tobytes() for each in (of_image, boxes)]
    return b"".join(parts)


def from_bytes(collected: Sequence[bytes]) -> list[tuple[Found, True_]]:
    """Read what `to_bytes` wrote, image by image."""
    images, content, at = [], b"".join(collected), 0
    while at < len(content):
        num_found, num_true = np.frombuffer(content, np.int32, 2, at)
        found = np.frombuffer(content, np.float32, num_found * 6, at + 8).reshape(-1, 6)
        at += 8 + found.nbytes
        true = np.frombuffer(content, np.float32, num_true * 6, at).reshape(-1, 6)
        at += true.nbytes
        images.append((found, true))
    return images
