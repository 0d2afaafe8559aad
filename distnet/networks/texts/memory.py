"""A memory network: a question at the end of a text looks up one part of the text after the other.

Question and memories are compared by one table of vectors, so that equal words match from the
start. Each token with its neighbours is a memory; in the paper each sentence is.

Source: Sukhbaatar et al. 2015, "End-To-End Memory Networks".

Letters: n texts, T tokens of the longest, E numbers of a vector, K outputs.
"""

import torch
from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.layers import initialise
from distnet.networks.texts._layers import TokenVectors
from distnet.networks.texts.transformer import positions
from distnet.spec.sections.section import PositiveInt

__all__ = ("Memory",)

SPREAD = 0.3
"""Of the first vectors: so large that equal words attract attention at once."""
BEFORE, AFTER = 0.3, 0.05
"""How much of the tokens before and behind it is at first in a memory."""


class Memory(nn.Module):
    """Vectors of tokens, memories of their neighbourhoods, and steps of attention to these.

    Args:
        width: the numbers of a token's vector; even.
        hops: how many memories are looked up one after the other, each with what the last one held.
        window: how many tokens before a token, and behind it, belong to its memory.
        question: how many tokens at the end of a text are the question.

    Raises:
        ValueError: the width is odd.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        width: PositiveInt = 64,
        hops: PositiveInt = 3,
        window: PositiveInt = 6,
        question: PositiveInt = 8,
    ) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"memory needs an even width, found {width}")
        self.keys = TokenVectors("memory", input_shape, width, dropout=0)
        self.contents = TokenVectors("memory", input_shape, width, dropout=0)
        for table in (self.keys, self.contents):
            nn.init.normal_(table.weight, std=SPREAD)
        self.key_window = _Window(width, window)
        self.content_window = _Window(width, window)
        self.question = nn.Parameter(torch.full((question, width), 0.5))
        self.age = nn.Linear(width, 1, bias=False)
        nn.init.zeros_(self.age.weight)
        self.hops = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(hops))
        for hop in self.hops:
            nn.init.eye_(hop.get_parameter("weight"))
        self.output = initialise(nn.Linear(width, num_outputs), None)

    def forward(self, x: Ragged) -> Tensor:
        """Compute the outputs [n, K] of texts."""
        words = Ragged(self.keys(x.values), x.lengths).padded()
        contents = Ragged(self.contents(x.values), x.lengths).padded()
        keys, contents = self.key_window(words), self.content_window(contents)
        ages = x.lengths[:, None] - 1 - torch.arange(words.shape[1], device=words.device)
        waves = positions(words.shape[1], words.shape[2], words.device)
        recency = self.age(waves)[:, 0][ages.clamp(min=0)]
        is_memory = ages >= (x.lengths[:, None] - 1).clamp(max=len(self.question))
        state = self._query(words, ages)
        for hop in self.hops:
            match = (keys @ state[:, :, None])[:, :, 0] + recency
            attention = match.masked_fill(~is_memory, -torch.inf).softmax(1)
            state = hop(state) + (attention[:, None] @ contents)[:, 0]
        outputs: Tensor = self.output(state)
        return outputs

    def _query(self, words: Tensor, ages: Tensor) -> Tensor:
        """The question [n, E]: the last vectors of [n, T, E], weighed by their positions."""
        last = len(self.question)
        is_question = (ages >= 0) & (ages < last)
        weights = self.question[ages.clamp(0, last - 1)] * is_question[:, :, None]
        return (words * weights).sum(1)


class _Window(nn.Conv1d):
    """Sums of neighbouring vectors [n, T, E], each number weighed by its place."""

    def __init__(self, width: int, window: int) -> None:
        super().__init__(width, width, 2 * window + 1, padding=window, groups=width, bias=False)
        with torch.no_grad():
            self.weight.fill_(BEFORE)
            self.weight[:, :, window + 1 :] = AFTER

    def forward(self, vectors: Tensor) -> Tensor:
        """Sum up; the shape stays."""
        return super().forward(vectors.transpose(1, 2)).transpose(1, 2)
