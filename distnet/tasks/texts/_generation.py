"""Continue a text with a language model, token by token.

A network that has `new_cache()` reads each token once: `network(tokens, cache)` adds keys and
values to the cache. Any other network reads its whole window again for each token. When a window is
full, the later half of it is kept, and read anew.

Letters: T tokens of a window, V tokens of the vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from distnet.data.fields.tokens import TokensField
from distnet.tasks.task import Sampling

PARTIAL = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer of bytes ends with where a character is not complete."""


def generate(
    network: nn.Module,
    field: TokensField,
    prompt: Sequence[int],
    sampling: Sampling,
    *,
    device: torch.device | str = "cpu",
) -> Iterator[str]:
    """Yield the text that follows a prompt, piece by piece, as it is made.

    Args:
        network: in evaluation mode: windows [1, t] of at most T tokens to logits [1, t, V].
        field: of windows of T tokens.
        prompt: at least one token; the last T of them are read.
        sampling: how tokens are drawn, and how many.
        device: of the network.
    """
    found = next_tokens(network, prompt, drawing(sampling), length=field.shape[0], device=device)
    return pieces(field, islice(found, sampling.tokens), after=prompt[-1:])


def next_tokens(
    network: nn.Module,
    prompt: Sequence[int],
    draw: Callable[[Tensor], int],
    *,
    length: int,
    device: torch.device | str = "cpu",
) -> Iterator[int]:
    """Yield one token after the other, without end; windows have at most `length` tokens."""
    make_cache: Callable[[], Any] | None = getattr(network, "new_cache", None)
    window, caches, num_read = list(prompt)[-length:], _started(make_cache), 0
    while True:
        if len(window) > length:
            window, caches, num_read = window[len(window) // 2 :], _started(make_cache), 0
        unread = torch.tensor([window[num_read:]], device=device)
        with torch.no_grad():
            logits: Tensor = network(unread, *caches)[0, -1]
        num_read = len(window) if caches else 0
        window.append(draw(logits.float().cpu()))
        yield window[-1]


def drawing(sampling: Sampling) -> Callable[[Tensor], int]:
    """Make a function that draws a token from logits [V]."""
    seed, temperature = sampling.seed, sampling.temperature
    generator = None if seed is None else torch.Generator().manual_seed(seed)

    def draw(logits: Tensor) -> int:
        if temperature == 0:
            return int(logits.argmax())
        likely, tokens = logits.topk(min(sampling.top_k or len(logits), len(logits)))
        # The largest becomes 0, so that no temperature makes any of them infinite.
        weights = ((likely.double() - likely[0]) / temperature).softmax(0)
        return int(tokens[torch.multinomial(weights, 1, generator=generator)])

    return draw


def pieces(
    field: TokensField, tokens: Iterator[int], *, after: Sequence[int] = ()
) -> Iterator[str]:
    """Turn tokens into text as they come, whole characters only.

    A token is decoded behind those before it, which decide whether there is a space between them.

    Args:
        field: of the tokens.
        tokens: as they are made.
        after: the tokens before the first one.
    """
    last, new = list(after), list[int]()
    for token in tokens:
        new.append(token)
        before, text = _decoded(field, last), _decoded(field, last + new)
        if not text.endswith(PARTIAL):
            yield text[len(before) :]
            last, new = new, []


def _decoded(field: TokensField, tokens: list[int]) -> str:
    return field.decode(np.array(tokens, np.int32)) if tokens else ""


def _started(make_cache: Callable[[], Any] | None) -> tuple[Any, ...]:
    """What is handed to the network behind the tokens: a new cache, if it takes one."""
    return () if make_cache is None else (make_cache(),)
