"""Recordings of any length, as samples of 16 bits of one channel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields._arrow import ragged, read_ragged, store_ragged
from distnet.data.fields.field import Field, Pixels, Positive
from distnet.data.sounds.sound_file import read_sound
from distnet.data.statistics import AmplitudeStatistics, Facts

__all__ = ("AudioField",)

WIDTH, HEIGHT = 128, 64  # of a thumbnail, in pixels
PAPER, INK = 255, 70


class AudioField(Field):
    """int16 [length]: samples, `sample_rate` of them a second; 32768 is the amplitude 1.

    They are stored as lists of numbers, which any tool reads. Parquet keeps the differences of
    neighbours, so that a file is about as small as FLAC.
    """

    kind: ClassVar[str] = "audio"
    dtype: ClassVar[str] = "int16"
    facts: ClassVar[frozenset[str]] = frozenset({"mean", "std", "num_values"})
    encoding: ClassVar[str | None] = "DELTA_BINARY_PACKED"
    is_visible: ClassVar[bool] = True

    sample_rate: Positive
    """Samples a second."""
    longest: int = 0
    """Samples of the longest recording of any split."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """[sample_rate]: a second of sound."""
        return (self.sample_rate,)

    @property
    def num_bytes(self) -> int:
        """Bytes of one of its numbers."""
        return 2

    def unlike(self, other: Field) -> tuple[str, str] | None:
        """The sample rates, if they differ."""
        if not isinstance(other, AudioField) or self.sample_rate == other.sample_rate:
            return super().unlike(other)
        return f"recordings of {self.sample_rate:,} Hz", f"{other.sample_rate:,} Hz"

    def arrow_type(self) -> pa.DataType:
        """A list of any length."""
        return ragged(pa.int16())

    def to_arrow(self, column: Column) -> pa.Array:
        """Store lists of samples."""
        assert isinstance(column, RaggedArray)
        return store_ragged(RaggedArray(column.values.astype(np.int16, copy=False), column.lengths))

    def from_arrow(self, stored: pa.Array) -> Column:
        """Read lists of samples."""
        return read_ragged(stored, np.dtype(self.dtype))

    def statistics(self) -> AmplitudeStatistics:
        """Mean and deviation of the amplitude; how many samples there are."""
        return AmplitudeStatistics()

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """The amplitude of the training split, between -1 and 1; the samples of every split."""
        moments = statistics["train"].moments() if "train" in statistics else {}
        counts = {split: part.num_values for split, part in statistics.items()}
        longest = max((part.longest for part in statistics.values()), default=0)
        return moments | {"num_values": counts, "longest": longest}

    def fault(self, column: Column) -> str | None:
        """Find a recording without a sample."""
        assert isinstance(column, RaggedArray)
        empty = int((column.lengths == 0).sum())
        return f"{empty} recordings without a sample" if empty else None

    def read_file(self, path: Path, *, as_is: bool = False) -> Column:  # noqa: ARG002
        """Read a recording of the same sample rate; several channels are mixed."""
        return RaggedArray.of([read_sound(path, sample_rate=self.sample_rate)])

    def thumbnail(self, sample: Array) -> Pixels:
        """The waveform: from the lowest to the highest sample in each column of pixels."""
        bounds = (
            np.linspace(0, len(sample), WIDTH + 1).astype(np.int64)[:-1].clip(0, len(sample) - 1)
        )
        low, high = np.minimum.reduceat(sample, bounds), np.maximum.reduceat(sample, bounds)
        loudest = max(1, int(np.abs(sample.astype(np.int32)).max()))
        top, bottom = (
            (1 - edge / loudest) * (HEIGHT - 1) / 2 for edge in (high.astype(float), low)
        )
        rows = np.arange(HEIGHT)[:, None]
        is_inside = (rows >= np.floor(top)) & (rows <= np.ceil(bottom))
        return np.where(is_inside, INK, PAPER).astype(np.uint8)

    def caption(self, sample: Array) -> str:
        """How long it is, in seconds."""
        return f"{len(sample) / self.sample_rate:.2f} s"
