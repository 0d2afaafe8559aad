"""What rides at the end of a row, so that all workers know it after the same step.

    loss, score                sums over the samples of the slice
    a worker's flags, 14 bytes: stop | out of memory | hash of its samples | their number

A byte of the flags is one number of the row. Sums of bytes stay exact in fp32 for 65,000 workers,
whoever adds them in whatever order; the carries are made when they are read.
"""

import struct
from typing import NamedTuple

import torch
from torch import Tensor

from distnet.run_folder.sample_digest import MASK, SampleDigest

FLAGS = struct.Struct("<??QI")
NUM_SUMS = 2 + FLAGS.size
HASH_BYTES = 8


class Total(NamedTuple):
    """What one step came to, over all slices."""

    gradient: Tensor
    """[P]: the mean over the samples."""
    buffers: Tensor
    """[B]: the sum of the changes."""
    norm: float
    """The gradient's length."""
    loss: float
    score: float
    is_stop: bool
    """Someone asked for a planned stop."""
    is_out_of_memory: bool
    """A slice did not fit in memory, so the rest means nothing."""
    taken: SampleDigest
    """The samples that went in."""


def write_flags(row: Tensor, *, is_stop: bool, is_out_of_memory: bool, taken: SampleDigest) -> None:
    """Write a worker's flags into one of its rows; `taken` are its samples of this step."""
    packed = FLAGS.pack(is_stop, is_out_of_memory, taken.hash, taken.num_samples)
    row[-FLAGS.size :] = torch.frombuffer(bytearray(packed), dtype=torch.uint8)


def read_total(total: Tensor, num_parameters: int, num_samples: int) -> Total:
    """Read the sum of all rows of a step that has `num_samples`."""
    gradient = total[:num_parameters] / num_samples
    length = torch.linalg.vector_norm(gradient)[None]
    # Read together: on a GPU each reading waits for all that was asked of it.
    numbers = torch.cat([total[-NUM_SUMS:], length]).tolist()
    loss, score, stops, shortages, *digest, norm = numbers
    taken = SampleDigest(_number(digest[HASH_BYTES:]), _number(digest[:HASH_BYTES]) & MASK)
    buffers = total[num_parameters:-NUM_SUMS]
    return Total(gradient, buffers, norm, loss, score, stops > 0, shortages > 0, taken)


def _number(sums_of_bytes: list[float]) -> int:
    """Put a number together from its bytes, the lowest first."""
    return sum(int(digit) << 8 * place for place, digit in enumerate(sums_of_bytes))
