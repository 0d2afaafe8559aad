"""Networks and tasks for GPUs, on drawn samples: attention, ResNet-50, GPT with 124M parameters."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet50

from distnet.data.batch import Batch
from distnet.run_folder.sample_digest import SampleDigest
from distnet.spec.metric import Metric
from distnet.spec.sections.job import Job
from distnet.tasks.task import Loss, Measured, Networks, Phase, Summary

CONTEXT, VOCABULARY, CLASSES = 1024, 50_304, 1000


class Attention(nn.Module):
    """Rows of an image attend to one another; then pooling whose backward pass torch refuses."""

    def __init__(self, input_shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        channels, _, columns = input_shape
        self.embed = nn.Linear(channels * columns, 32)
        self.layers = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
        self.output = nn.Linear(16, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.layers(self.embed(x.movedim(1, 2).flatten(2)))
        return self.output(F.adaptive_avg_pool2d(rows[:, None], (4, 4)).flatten(1))


class ResNet50(nn.Module):
    """torchvision's."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = resnet50()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Block(nn.Module):
    """Attention and two linear layers, as GPT-2 has them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, t, width = x.shape
        qkv = self.qkv(self.norms[0](x)).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(*qkv, is_causal=True)
        x = x + self.project(seen.transpose(1, 2).reshape(n, t, width))
        return x + self.narrow(F.gelu(self.wide(self.norms[1](x))))


class Gpt(nn.Module):
    """GPT-2 small: 124M parameters; its embedding is also its output."""

    def __init__(self, width: int = 768, heads: int = 12, num_blocks: int = 12) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(num_blocks)))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.blocks(self.tokens(tokens) + self.positions(positions))
        return F.linear(self.norm(x), self.tokens.weight)


class Drawn:
    """The same drawn samples in every step."""

    steps_per_epoch, has_state = 1_000_000, False

    def __init__(self, fields: dict[str, Tensor], slices: int) -> None:
        size = len(next(iter(fields.values()))) // slices
        self._fields, self._size = fields, size

    def take(self, step: int, index: int, draw: int, networks: Networks) -> Batch:  # noqa: ARG002
        """One slice."""
        part = slice(index * self._size, (index + 1) * self._size)
        return Batch({name: field[part] for name, field in self._fields.items()})

    def digest(self, step: int, slices: range) -> SampleDigest:  # noqa: ARG002
        """None are of a dataset."""
        return SampleDigest()

    def ids(self, step: int, index: int, draw: int) -> tuple[int, ...]:  # noqa: ARG002
        """None are of a dataset."""
        return ()

    def state(self, index: int) -> bytes:  # noqa: ARG002
        """There is none."""
        return b""

    def restore(self, index: int, state: bytes) -> None:
        """There is none."""

    def close(self) -> None:
        """Nothing is held."""


class Images:
    """Classes of drawn images."""

    metrics = (Metric("accuracy", "percent", "higher"),)
    network_arguments = ()

    def __init__(self, data: None) -> None:
        pass

    def feed(self, job: Job) -> Drawn:
        return Drawn(draw_images(job.train.batch_size), job.num_slices)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:  # noqa: ARG002
        outputs = networks["network"](batch.tensor("x"))
        return Loss(F.cross_entropy(outputs, batch.tensor("y"), reduction="none"))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        raise NotImplementedError("nothing is measured")

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        raise NotImplementedError("nothing is measured")

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        raise NotImplementedError("nothing is predicted")


class Tokens(Images):
    """The next of drawn tokens."""

    def feed(self, job: Job) -> Drawn:
        return Drawn(draw_tokens(job.train.batch_size), job.num_slices)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:  # noqa: ARG002
        outputs = networks["network"](batch.tensor("x")).flatten(0, 1)
        losses = F.cross_entropy(outputs, batch.tensor("y").flatten(), reduction="none")
        return Loss(losses.view(len(batch), -1).mean(1))


def draw_images(count: int) -> dict[str, Tensor]:
    """Images [n, 3, 224, 224] and their classes."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 3, 224, 224, generator=generator)
    return {"x": x, "y": torch.randint(CLASSES, (count,), generator=generator)}


def draw_tokens(count: int) -> dict[str, Tensor]:
    """Tokens [n, t], and those that follow them."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(VOCABULARY, (count, CONTEXT + 1), generator=generator)
    return {"x": tokens[:, :-1].contiguous(), "y": tokens[:, 1:].contiguous()}
