"""Average precision, against COCO's rules written out box by box, on random and hostile cases.

Reference: Lin et al. 2014 and pycocotools' `evaluateImg` and `accumulate`, for all areas and 100
objects an image; objects that are not counted as its `iscrowd`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from distnet.tasks.images._average_precision import average_precision

Boxes = NDArray[np.float32]
Image = tuple[Boxes, Boxes]
OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)


def overlap(found: Boxes, true: Boxes) -> float:
    corner, end = np.maximum(found[:2], true[:2]), np.minimum(found[2:4], true[2:4])
    shared = float(np.maximum(end - corner, 0).prod())
    mine, other = (float((box[2:4] - box[:2]).prod()) for box in (found, true))
    return shared / mine if true[5] else shared / (mine + other - shared)


def matches(found: Boxes, true: Boxes, least: float) -> list[tuple[float, bool]]:
    """The score of each object that counts, and whether it is right, of one class and image."""
    order = np.argsort(true[:, 5], kind="stable")
    taken, results = set[int](), []
    for one in found[np.argsort(-found[:, 4], kind="stable")]:
        best, at = min(least, 1 - 1e-10), -1
        for index in order:
            is_ignored = bool(true[index, 5])
            if index in taken and not is_ignored:
                continue
            if at >= 0 and not true[at, 5] and is_ignored:
                break
            if (value := overlap(one, true[index])) >= best:
                best, at = value, int(index)
        if at >= 0:
            taken.add(at)
        if at < 0 or not true[at, 5]:
            results.append((float(one[4]), at >= 0))
    return results


def expected(images: Sequence[Image], label: int, least: float) -> float | None:
    """The average precision of a class at an overlap; None where it does not occur."""
    number = sum(int(((true[:, 4] == label) & (true[:, 5] == 0)).sum()) for _, true in images)
    if not number:
        return None
    results = [
        result
        for found, true in images
        for result in matches(found[found[:, 5] == label], true[true[:, 4] == label], least)
    ]
    results.sort(key=lambda result: -result[0])
    right = np.cumsum([is_right for _, is_right in results])
    recall, precision = right / number, right / np.arange(1, len(results) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1] if results else precision
    return float(
        np.mean(
            [
                next((p for r, p in zip(recall, precision, strict=True) if r >= at), 0.0)
                for at in RECALLS
            ]
        )
    )


def assert_as_expected(images: Sequence[Image], num_classes: int) -> None:
    precision = average_precision(images)
    for overlaps in (slice(1), slice(None)):
        values = [
            [expected(images, label, least) for least in OVERLAPS[overlaps]]
            for label in range(num_classes)
        ]
        known = [value for of_class in values for value in of_class if value is not None]
        assert precision.mean(overlaps) == pytest.approx(np.mean(known) if known else 0, abs=1e-6)


def image(found: Any = (), true: Any = ()) -> Image:
    """An image; a true box may leave out that it counts."""
    boxes = np.array([(*box, 0)[:6] for box in true], np.float32).reshape(-1, 6)
    return np.array(found, np.float32).reshape(-1, 6), boxes


def drawn(seed: int, num_images: int, num_classes: int, difficult: float) -> list[Image]:
    """True boxes, some of them found about where they are, some twice, and wrong ones."""
    random, images = np.random.default_rng(seed), []
    for _ in range(num_images):
        corners = random.integers(0, 50, (random.integers(0, 6), 2))
        true = np.column_stack(
            [
                *(corners, corners + random.integers(3, 30, corners.shape)),
                random.integers(0, num_classes, len(corners)),
                random.random(len(corners)) < difficult,
            ]
        ).astype(np.float32)
        found = true[random.integers(0, max(len(true), 1), len(true) * 2)][:, :6].copy()
        found[:, :4] += random.normal(0, 1.5, (len(found), 4))
        found[:, 5] = np.where(random.random(len(found)) < 0.9, found[:, 4], 0)
        found[:, 4] = random.permutation(1000)[: len(found)] / 1000 + random.random() / 1e4
        found = found[(found[:, 2:4] > found[:, :2]).all(1)]
        images.append((found, true))
    return images


@pytest.mark.parametrize("difficult", [0.0, 0.4])
@pytest.mark.parametrize("seed", [0, 1])
def test_random_scenes(seed: int, difficult: float) -> None:
    assert_as_expected(drawn(seed, 12, 3, difficult), 3)


BOX, BELOW = (0, 0, 10, 10), (0, 10, 10, 20)
HOSTILE = {
    "no boxes and nothing found": [image(), image()],
    "boxes, and nothing found": [image(true=[(*BOX, 0)])],
    "no boxes, and something found": [image([(*BOX, 0.9, 0)]), image(true=[(*BOX, 1)])],
    "a class that occurs is found elsewhere": [image([(*BELOW, 0.9, 0)], [(*BOX, 0)])],
    "a class that does not occur": [image([(*BOX, 0.9, 1), (*BOX, 0.8, 0)], [(*BOX, 0)])],
    "touching boxes": [image([(*BOX, 0.9, 0), (*BELOW, 0.8, 0)], [(*BOX, 0), (*BELOW, 0)])],
    "equal scores": [image([(*BOX, 0.5, 0), (*BELOW, 0.5, 0), (*BOX, 0.5, 0)], [(*BOX, 0)])],
    "found twice": [image([(*BOX, 0.9, 0), (0, 0, 10, 9, 0.8, 0)], [(*BOX, 0)])],
    "overlaps by exactly a half": [image([(0, 0, 10, 5, 0.9, 0)], [(*BOX, 0)])],
    "two boxes at one place": [image([(*BOX, 0.9, 0), (*BOX, 0.8, 0)], [(*BOX, 0)] * 2)],
    "difficult ones alone": [image([(*BOX, 0.9, 0)], [(*BOX, 0, 1)])],
    "a difficult one, and a wrong one": [
        image([(*BOX, 0.9, 0), (40, 40, 50, 50, 0.8, 0)], [(*BOX, 0, 1), (*BELOW, 0)])
    ],
    "a difficult one found twice": [
        image(
            [(*BOX, 0.9, 0), (0, 0, 10, 9, 0.8, 0), (*BELOW, 0.7, 0)],
            [(*BOX, 0, 1), (*BELOW, 0)],
        )
    ],
    "a difficult one on a true one": [image([(*BOX, 0.9, 0)], [(*BOX, 0, 1), (*BOX, 0)])],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_scenes(name: str) -> None:
    assert_as_expected(HOSTILE[name], 2)


def test_difficult_objects_are_neither_missed_nor_wrong() -> None:
    """By hand: the only object that counts is found, so nothing is left to be wanted."""
    one = image([(*BOX, 0.9, 0), (*BELOW, 0.8, 0)], [(*BOX, 0, 1), (*BELOW, 0)])
    missed = image(true=[(*BOX, 0, 1)])

    assert average_precision([one, missed]).mean() == 1.0
    assert torch.tensor(average_precision([missed]).mean()) == 0
