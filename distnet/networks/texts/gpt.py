"""A decoder-only transformer: what most language models are.

Source: Radford et al. 2019 (GPT-2), written as in nanoGPT: each layer is causal self-attention and
a perceptron, both behind a normalisation and beside a shortcut. The output layer shares its weights
with the embedding (Press and Wolf 2017), and no layer has a bias. Unlike there, positions are
angles by which queries and keys are rotated (Su et al. 2021), with which it learns far faster.

Letters: n samples, T tokens, C width, H heads, D = C / H, V tokens of the vocabulary.
"""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("GPT",)

DEVIATION = 0.02
"""Of the first weights, as in GPT-2."""
LONGEST_PERIOD = 10_000.0
"""Of the slowest rotation, in positions over 2 pi."""


class Cache:
    """The keys and values [n, H, t, D] of the t tokens that a network has read, by layer."""

    def __init__(self) -> None:
        self.length = 0
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add those of the next tokens; returns those of all tokens."""
        if layer in self._layers:
            past_k, past_v = self._layers[layer]
            k, v = torch.cat([past_k, k], 2), torch.cat([past_v, v], 2)
        self._layers[layer] = k, v
        return k, v


class GPT(nn.Module):
    """Predicts the token after each token of a window: `network(tokens [n, T]) -> [n, T, V]`.

    It is constructed with the shape (T, V) and V; a window may be shorter than T, but not longer.

    Args:
        layers: attention and perceptron, one after the other.
        heads: of each attention; they share its width.
        width: C, a multiple of the heads; the perceptron's hidden layer is four times as wide.
        dropout: the part of what each layer adds that is left out at random while training.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        layers: PositiveInt = 4,
        heads: PositiveInt = 4,
        width: PositiveInt = 128,
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        if len(input_shape) != 2:
            raise ValueError(
                f"gpt takes windows of one length, but the data has inputs of shape "
                f"{tuple(input_shape)}; set data.view: {{kind: pack, length: 128}}"
            )
        if width % (2 * heads):
            raise ValueError(
                f"gpt needs a width that is a multiple of twice its heads; found {width}, {heads}"
            )
        self.length, self._head_width = input_shape[0], width // heads
        self.embedding = nn.Embedding(num_outputs, width)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(_Layer(i, width, heads, dropout) for i in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        self.output = nn.Linear(width, num_outputs, bias=False)
        self.output.weight = self.embedding.weight
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                # What a layer adds to the sum of all layers is smaller the more there are.
                scale = 1 / sqrt(2 * layers) if name.endswith("added.weight") else 1.0
                nn.init.normal_(weight, std=DEVIATION * scale)

    def new_cache(self) -> Cache:
        """Make an empty cache, for reading a text piece by piece."""
        return Cache()

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Compute the logits of the token after each one.

        Args:
            tokens: int64 [n, T]; with a cache that is not empty, the one token [n, 1] that follows.
            cache: of the tokens before them; it is extended.

        Raises:
            ValueError: there are more tokens than that, or more than a window has.
        """
        start = 0 if cache is None else cache.length
        end = start + tokens.shape[1]
        if end > self.length:
            raise ValueError(f"found {end} tokens, expected at most {self.length}, a window")
        if start and end > start + 1:
            raise ValueError(f"found {end - start} tokens behind a cache, expected 1")
        x = self.dropout(self.embedding(tokens))
        turns = _turns(start, end, self._head_width, tokens.device)
        for layer in self.layers:
            x = layer(x, turns, cache)
        if cache is not None:
            cache.length = end
        logits: Tensor = self.output(self.norm(x))
        return logits


class _Layer(nn.Module):
    """Attention and a perceptron, each added to its input."""

    def __init__(self, index: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.attention = _Attention(index, width, heads, dropout)
        self.perceptron_norm = nn.LayerNorm(width, bias=False)
        self.perceptron = _Perceptron(width, dropout)

    def forward(self, x: Tensor, turns: Tensor, cache: Cache | None) -> Tensor:
        x = x + self.attention(self.attention_norm(x), turns, cache)
        seen: Tensor = x + self.perceptron(self.perceptron_norm(x))
        return seen


class _Attention(nn.Module):
    """Each token looks at itself and at those before it (Vaswani et al. 2017)."""

    def __init__(self, index: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self._index, self._heads, self._rate = index, heads, dropout
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.added = nn.Linear(width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, turns: Tensor, cache: Cache | None) -> Tensor:
        by_head = self.qkv(x).unflatten(2, (3, self._heads, -1)).transpose(1, 3)
        q, k = _rotated(by_head[:, :, :2], turns).unbind(2)  # [n, H, T, D]
        v = by_head[:, :, 2]
        is_first = cache is None or not cache.length
        if cache is not None:
            k, v = cache.extend(self._index, k, v)
        seen = F.scaled_dot_product_attention(
            q,
            k,
            v,
            dropout_p=self._rate if self.training else 0.0,
            is_causal=is_first,  # a single token looks at all that are in the cache
        )
        mixed: Tensor = self.dropout(self.added(seen.transpose(1, 2).flatten(2)))
        return mixed


class _Perceptron(nn.Sequential):
    """One hidden layer, for each token by itself."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, 4 * width, bias=False)
        self.activation = nn.GELU()
        self.added = nn.Linear(4 * width, width, bias=False)
        self.dropout = nn.Dropout(dropout)


def _turns(start: int, end: int, head_width: int, device: torch.device) -> Tensor:
    """Cosine and sine of the angles of the positions `start` to `end`, [2, T, D / 2]."""
    pairs = torch.arange(0, head_width, 2, device=device, dtype=torch.float32) / head_width
    positions = torch.arange(start, end, device=device, dtype=torch.float32)
    angles = positions[:, None] * LONGEST_PERIOD**-pairs
    return torch.stack([angles.cos(), angles.sin()])


def _rotated(x: Tensor, turns: Tensor) -> Tensor:
    """Rotate pairs of numbers of x [..., T, D]: each of the first half and one of the second."""
    (first, second), (cos, sin) = x.chunk(2, -1), turns
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
