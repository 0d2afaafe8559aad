"""The row of a slice: what all workers share after one sum.

    [gradient P | loss, weight, (sum, weight) of each metric | changes of buffers B | flags]

Everything is a sum over the samples of the slice, so the sum of all rows is that of the step. A
worker's flags are in the row of its last slice: a byte is one number, and sums of bytes stay
exact in fp32 for 65,000 workers, in any order of addition; carries are made when they
are read.

A digest of the weights rides as 4-bit digits and their squares: all workers have the same digit d
where the workers times the sum of d^2 is the square of the sum of d (Cauchy and Schwarz), and so
every worker knows whether any two of them differ.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from distnet.run_folder.sample_digest import MASK, SampleDigest
from distnet.train.compute.norm import sum_of_squares

FLAGS = struct.Struct("<????QI")
NUM_BOOLEANS, HASH_BYTES, COUNT_BYTES = 4, 8, 4
NUM_DIGITS, DIGIT_BITS = 8, 4
NO_DIGITS = bytes(2 * NUM_DIGITS)
NUM_FLAGS = FLAGS.size + len(NO_DIGITS)


class Flags(NamedTuple):
    """What a worker reports beside its gradients; after the sum, what any of them reports."""

    is_stop: bool = False
    """A planned stop was requested."""
    is_out_of_memory: bool = False
    """A slice did not fit in memory, so the rest of the row is invalid."""
    is_save: bool = False
    """A checkpoint is due after this step."""
    is_end: bool = False
    """A callback has ended training."""
    samples: SampleDigest = SampleDigest()
    """The samples in the row."""
    weights: int = 0
    """A digest of this worker's weights, 32 bits; 0 at steps where it is not compared."""
    is_drifted: bool = False
    """After the sum: two workers have other weights."""

    def write(self, row: Tensor) -> None:
        """Write them at the end of a row."""
        first = self.is_stop, self.is_out_of_memory, self.is_save, self.is_end
        packed = FLAGS.pack(*first, self.samples.hash, self.samples.num_samples)
        numbers = bytearray(packed + (_digits(self.weights) if self.weights else NO_DIGITS))
        row[-NUM_FLAGS:] = torch.frombuffer(numbers, dtype=torch.uint8)

    @classmethod
    def read(cls, numbers: list[float], num_workers: int) -> "Flags":
        """Read the flags from sums of their bytes over all workers."""
        first, rest = numbers[:NUM_BOOLEANS], numbers[NUM_BOOLEANS:]
        hash_, rest = rest[:HASH_BYTES], rest[HASH_BYTES:]
        samples = SampleDigest(_number(rest[:COUNT_BYTES]), _number(hash_) & MASK)
        digits, squares = rest[COUNT_BYTES:][:NUM_DIGITS], rest[-NUM_DIGITS:]
        pairs = zip(digits, squares, strict=True)
        is_drifted = any(num_workers * square != digit**2 for digit, square in pairs)
        stop, shortage, save, end = (number > 0 for number in first)
        return cls(stop, shortage, save, end, samples, is_drifted=is_drifted)


NO_FLAGS = Flags()


@dataclass(frozen=True)
class Layout:
    """The offsets of each part in the rows of one phase."""

    num_parameters: int
    """P."""
    num_metrics: int
    num_buffers: int
    """B."""
    has_wide: bool = False
    """Whether some changes of buffers do not fit into fp32; the last of B numbers says it."""

    @cached_property
    def sums_end(self) -> int:
        """Where gradient and sums end."""
        return self.num_parameters + 2 + 2 * self.num_metrics

    @cached_property
    def flags_start(self) -> int:
        """Where the changes of the buffers end."""
        return self.sums_end + self.num_buffers

    @cached_property
    def sizes(self) -> tuple[int, int, int, int]:
        """Numbers of the gradient, the sums, the changes of buffers and the flags."""
        return self.num_parameters, 2 + 2 * self.num_metrics, self.num_buffers, NUM_FLAGS

    @cached_property
    def length(self) -> int:
        """Numbers of a row."""
        return sum(self.sizes)


class Total(NamedTuple):
    """The result of one update, over all slices."""

    gradient: Tensor
    """[P]: of the weighted mean loss."""
    buffers: Tensor
    """[B]: the sum of the changes."""
    norm: float
    """The gradient's length."""
    sums: tuple[float, ...]
    """Loss and weight, then the sum and the weight of each metric."""
    flags: Flags
    are_buffers_finite: bool = True
    is_wide: bool = False
    """Whether buffers changed on some slice by what does not fit into fp32."""

    @property
    def loss(self) -> float:
        """The summed loss."""
        return self.sums[0]

    @property
    def weight(self) -> float:
        """The summed weight; 0 where no sample counts, so that no weight moves."""
        return self.sums[1]


def read_total(
    total: Tensor,
    layout: Layout,
    flags: Flags | None = None,
    num_workers: int = 1,
    frozen: Sequence[slice] = (),
    *,
    is_clipped: bool = False,
) -> Total:
    """Read the sum of all rows of a phase; its gradient is divided by the summed weight here.

    Args:
        total: the sum of all rows.
        layout: the offsets of its parts.
        flags: those of a single worker, which need not be in the row.
        num_workers: how many workers have written flags.
        frozen: stretches of parameters that do not move, whose gradient is 0.
        is_clipped: whether the norm decides the weights, so that its bits must be the same on all
            workers, whatever their devices; else it only shows what is not finite.
    """
    summed, sums, buffers, bytes_ = total.split_with_sizes(layout.sizes)
    # A copy: a dot product may depend on the alignment of its operands.
    gradient = summed / sums[1]
    for stretch in frozen:
        gradient[stretch] = 0.0
    square = sum_of_squares(gradient) if is_clipped else torch.dot(gradient, gradient).view(1)
    # 0 x infinity is NaN.
    pieces = [square, (buffers * 0).sum()[None], buffers[-1:]] if layout.num_buffers else [square]
    num_read = len(pieces)
    # Read together: on a GPU each reading waits for all work that was queued before it.
    pieces += [sums, bytes_] if flags is None else [sums]
    read = torch.cat(pieces).tolist()
    (square_, *of_buffers), numbers = read[:num_read], read[num_read:]
    num_sums = layout.sizes[1]
    flags = flags or Flags.read(numbers[num_sums:], num_workers)
    return Total(
        gradient,
        buffers,
        math.sqrt(square_),
        tuple(numbers[:num_sums]),
        flags,
        are_buffers_finite=not of_buffers or math.isfinite(of_buffers[0]),
        is_wide=layout.has_wide and of_buffers[1] > 0,
    )


def _digits(digest: int) -> bytes:
    digits = [digest >> DIGIT_BITS * index & 15 for index in range(NUM_DIGITS)]
    return bytes([*digits, *(digit * digit for digit in digits)])


def _number(sums_of_bytes: list[float]) -> int:
    """Put a number together from its bytes, the lowest first."""
    return sum(int(digit) << 8 * index for index, digit in enumerate(sums_of_bytes))
