"""A slice traced once and replayed as straight-line code: no modules, no autograd, no dispatch.

`make_fx` records the operations of forward and backward of one slice. They are written out as one
Python function that calls them one after the other on the parameters' own memory, so a replay gives
the bits of the original. What cannot be replayed is not captured: random numbers, and anything that
is not a tensor of one shape. Every capture is compared with the original in its first uses, and
dropped where a bit differs.

Source: torch.fx.experimental.proxy_tensor.make_fx; the idea is that of a CUDA graph.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from distnet.data.batch import Batch
from distnet.train.compute.generators import generator_states
from distnet.train.compute.straight_line import generate

Pieces = Callable[[Batch], list[Tensor]]
"""The numbers of a slice, as vectors that follow one another in its row."""
NUM_COMPARED = 3
"""The first uses of a capture that are compared with the original."""
Key = tuple[tuple[str, torch.Size, torch.dtype], ...]


class Capture:
    """Writes slices by replay where that is possible.

    Args:
        original: computes a slice; it must not depend on anything but parameters and samples.
    """

    def __init__(self, original: Pieces) -> None:
        self._original = original
        self._replays: dict[Key, _Replay | None] = {}

    def write(self, batch: Batch, out: Tensor) -> bool:
        """Write the numbers of a slice; returns False where there is no replay for it.

        Args:
            batch: the samples as stored.
            out: the part of the row.
        """
        key = _key(batch)
        if key is None:
            return False
        if key not in self._replays:
            self._replays[key] = self._capture(batch)
        replay = self._replays[key]
        if replay is None:
            return False
        with torch.inference_mode():  # each operation skips the bookkeeping of autograd
            replay.function(out, *batch.fields.values())
        if replay.num_compared < NUM_COMPARED:
            replay.num_compared += 1
            if not self._is_same(batch, out):
                self._replays[key] = None
                return False
        return True

    def _capture(self, batch: Batch) -> "_Replay | None":
        """Trace a slice; None where it cannot be replayed."""
        names = tuple(batch.fields)

        def traced(*columns: Tensor) -> list[Tensor]:
            return self._original(Batch(dict(zip(names, columns, strict=True))))

        generators = generator_states(torch.device("cpu"))
        try:
            with torch.enable_grad():
                module = make_fx(traced)(*batch.fields.values())
            function = generate(module)
        except Exception:  # any failure of the tracer: the network runs as written
            return None
        if generators != generator_states(torch.device("cpu")):
            return None  # it draws random numbers
        return _Replay(function)

    def _is_same(self, batch: Batch, out: Tensor) -> bool:
        with torch.enable_grad():
            expected = torch.cat(self._original(batch))
        return torch.equal(out.view(torch.int32), expected.view(torch.int32))


class _Replay:
    """One generated function, for samples of one shape."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.num_compared = function, 0


def _key(batch: Batch) -> Key | None:
    """The shape of a batch; None where it has columns of other forms."""
    key = []
    for name, column in batch.fields.items():
        if not isinstance(column, Tensor):
            return None
        key.append((name, column.shape, column.dtype))
    return tuple(key)
