"""Write a text token by token, each time the likeliest one, until it ends.

A network for this has `encode(x: Ragged) -> Ragged`, what it has read, and
`decode(y: Ragged, memory: Ragged, last=True) -> Tensor [n, K]`, the logits of the next token.

Letters: n texts, t tokens written, K outputs.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from distnet.data.batch import Ragged
from distnet.spec.code.own_errors import refusal

MOST_MORE = 50
"""A text has at most as many tokens more than its source (Vaswani et al. 2017, section 6.1)."""


def write_greedily(
    network: Any, x: Ragged, *, num_outputs: int, end: int, never: Sequence[int]
) -> list[Tensor]:
    """Write a text for each source.

    Args:
        network: in evaluation mode.
        x: the sources.
        num_outputs: K.
        end: the token before the first one, and after the last.
        never: tokens that are not written.

    Returns:
        The tokens of each text, without the end.

    Raises:
        PartError: the network returned something else than logits.
    """
    device = x.lengths.device
    texts, memory = list(x.lengths.new_zeros(len(x), 0)), network.encode(x)
    written, open_ = x.lengths.new_full((len(x), 1), end), torch.arange(len(x), device=device)
    unwanted = torch.tensor(never, dtype=torch.int64, device=device)
    while len(open_):
        num_open, length = written.shape
        y = Ragged(written.flatten(), torch.full_like(open_, length))
        logits = network.decode(y, memory, last=True)
        if not isinstance(logits, Tensor) or logits.shape != (num_open, num_outputs):
            expected = f"a tensor [{num_open}, {num_outputs}], logits of the next token of each"
            raise refusal(network, "decode", logits, expected)
        token = logits.float().index_fill(1, unwanted, -torch.inf).argmax(1)
        written = torch.cat([written, token[:, None]], 1)
        is_whole = (token == end) | (length == x.lengths[open_] + MOST_MORE)
        for index in is_whole.nonzero().flatten().tolist():
            tokens = written[index, 1:]
            texts[int(open_[index])] = tokens[tokens != end]
        left = (~is_whole).nonzero().flatten()
        written, open_, memory = written[left], open_[left], memory.select(left)
    return texts
