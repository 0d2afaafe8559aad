"""Continue a text with a language model, token by token.

A network that has `new_cache()` reads each token once: `network(tokens, cache)` adds keys and
values to the cache. Any other network reads its whole window again for each token. When a window is
full, the later half of it is kept, and read anew.

Letters: T tokens of a window, V tokens of the vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from distnet.tasks.task import Sampling


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


def _started(make_cache: Callable[[], Any] | None) -> tuple[Any, ...]:
    """What is handed to the network behind the tokens: a new cache, if it takes one."""
    return () if make_cache is None else (make_cache(),)
