"""Networks that get into trouble at certain samples, and datasets that hold some of these."""

from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.manifest import Manifest
from distnet.data.shard_writer import ShardWriter

TRAIN = 403
TOO_MUCH = 2**60  # bytes: no machine has them


def write_marked(folder: Path, marked: Collection[int]) -> Path:
    """Write striped images; the first pixel of those that are marked is white."""
    folder.mkdir(parents=True)
    x = ImageField(shape=(1, 12, 12), mean=(0.3,), std=(0.3,))
    fields = {"x": x, "y": ClassField(classes=tuple("abcd"))}
    splits = {}
    for seed, (split, count) in enumerate({"train": TRAIN, "test": 50}.items()):
        random = np.random.default_rng(seed)
        classes = random.integers(0, 4, count).astype(np.int32)
        images = random.integers(0, 120, (count, 1, 12, 12)).astype(np.uint8)
        images[np.arange(count), 0, classes * 3 + 1] += 120
        if split == "train":
            images[list(marked), 0, 0, 0] = 255
        with ShardWriter(folder, split, fields) as writer:
            writer.write({"x": images, "y": classes})
            splits[split] = writer.finish()
    manifest = Manifest(name="marked", source="made", fields=fields, splits=splits)
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


class Marked(nn.Module):
    """Two layers with running statistics; `trouble` is called with what is marked, [n]."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(144, 16), nn.Linear(16, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.a(x.flatten(1)))
        return self.b(self.trouble(h, x[:, 0, 0, 0] > 2.0) if self.training else h)

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        return h


class NanLoss(Marked):
    """Also keeps a running mean, which a bad batch must not move."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("running", torch.zeros(16))

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        self.running.mul_(0.9).add_(0.1 * h.detach().mean(0))
        return torch.where(is_marked[:, None], torch.nan, h - self.running)


class NanGradient(Marked):
    """The slope of the root at 0 is infinite."""

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        return h + torch.where(is_marked[:, None], h - h, torch.ones_like(h)).sqrt() - 1


class Hungry(Marked):
    """Allocates too much memory wherever a marked sample comes with more than four others."""

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        if is_marked.any() and len(h) > 5:
            torch.empty(TOO_MUCH, dtype=torch.uint8)
        return h


class Greedy(Marked):
    """Allocates too much memory at a marked sample, however few there are."""

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        if is_marked.any():
            torch.empty(TOO_MUCH, dtype=torch.uint8)
        return h


class Once(Marked):
    """Allocates too much memory once."""

    times: ClassVar[int] = 0

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        if is_marked.any() and not Once.times:
            Once.times += 1
            torch.empty(TOO_MUCH, dtype=torch.uint8)
        return h


class HungryNorm(Hungry):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.norm = nn.BatchNorm1d(16)

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        return super().trouble(self.norm(h), is_marked)


class HungryBatchNorm(Hungry):
    """Normalises each batch by itself: no buffer shows it."""

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        return super().trouble(h - h.mean(0), is_marked)


class HungryDropout(Hungry):
    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        return super().trouble(nn.functional.dropout(h, 0.5), is_marked)


class Raising(Marked):
    """Fails where a marked sample comes."""

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        if is_marked.any():
            raise ArithmeticError("marked")
        return h


class NanNorm(NanGradient):
    """Normalises the batch besides: a single sample cannot be computed."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.norm = nn.BatchNorm1d(16)

    def trouble(self, h: Tensor, is_marked: Tensor) -> Tensor:
        return self.norm(super().trouble(h, is_marked))


class HungryEvaluation(Marked):
    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            torch.empty(TOO_MUCH, dtype=torch.uint8)
        return super().forward(x)
