"""Images: of one size as plain bytes, of unlike sizes as the encoded files they came from."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import model_validator

from distnet.data.column import Array, Column, RaggedArray, samples_of
from distnet.data.fields._arrow import read_binaries, store_binaries
from distnet.data.fields.field import Field, Pixels
from distnet.data.images.decode import decode_image
from distnet.data.images.image_file import read_image_file
from distnet.data.statistics import ByteStatistics, Facts
from distnet.errors import DataError

__all__ = ("ImageField",)


class ImageField(Field):
    """uint8 [channels, height, width]; with the shape [channels] alone, each has its own size.

    Images of unlike size are stored encoded (PNG, JPEG, ...), as their bytes.
    """

    kind: ClassVar[str] = "image"
    dtype: ClassVar[str] = "uint8"
    facts: ClassVar[frozenset[str]] = frozenset({"shape", "mean", "std", "num_values"})
    is_repetitive: ClassVar[bool] = True
    is_visible: ClassVar[bool] = True

    @model_validator(mode="after")
    def _fits(self) -> "ImageField":
        if len(self.shape) not in (1, 3):
            raise ValueError(f"an image is [channels, height, width], not {list(self.shape)}")
        if len(self.mean) not in (0, self.shape[0]):
            raise ValueError(f"mean and std need {self.shape[0]} numbers each")
        return self

    @property
    def is_encoded(self) -> bool:
        """Whether the images differ in size."""
        return len(self.shape) == 1

    @property
    def num_bytes(self) -> int:
        """Bytes of an image of the one size; encoded images count byte by byte."""
        return 1 if self.is_encoded else super().num_bytes

    def arrow_type(self) -> pa.DataType:
        """Plain bytes, or those of encoded files."""
        return pa.binary() if self.is_encoded else super().arrow_type()

    def to_arrow(self, column: Column) -> pa.Array:
        """Store pixels, or encoded files."""
        return (
            store_binaries(column) if isinstance(column, RaggedArray) else super().to_arrow(column)
        )

    def from_arrow(self, stored: pa.Array) -> Column:
        """Read pixels, or encoded files."""
        return read_binaries(stored) if self.is_encoded else super().from_arrow(stored)

    def decoded(self, column: Column) -> Column | list[Array]:
        """Decode images of unlike size, each to [channels, height, width]."""
        if not isinstance(column, RaggedArray):
            return column
        return [self._decode(sample) for sample in samples_of(column)]

    def statistics(self) -> "ImageStatistics":
        """Mean and deviation of each channel."""
        return ImageStatistics(self)

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """Those of the training split; of encoded images also the bytes of every split."""
        moments = statistics["train"].pixels.moments() if "train" in statistics else {}
        counts = {split: part.num_bytes for split, part in statistics.items()}
        return moments | ({"num_values": counts} if self.is_encoded else {})

    def fault(self, column: Column) -> str | None:
        """Find an encoded image that cannot be decoded."""
        try:
            self.decoded(column)
        except DataError as error:
            return str(error)
        return None

    def read_file(self, path: Path, *, as_is: bool = False) -> Column:
        """Read an image of any size and format."""
        if not self.is_encoded:
            return read_image_file(path, self, as_is=as_is)[None]
        content = np.frombuffer(path.read_bytes(), np.uint8)
        decode_image(BytesIO(content.tobytes()), location=str(path), channels=self.shape[0])
        return RaggedArray.of([content])

    def thumbnail(self, sample: Array) -> Pixels:
        """The pixels, grey or RGB."""
        pixels = self._decode(sample) if self.is_encoded else sample
        return pixels[0] if pixels.shape[0] == 1 else pixels[:3].transpose(1, 2, 0)

    def _decode(self, content: Array) -> Pixels:
        return decode_image(BytesIO(content.tobytes()), location="image", channels=self.shape[0])


class ImageStatistics:
    """A histogram of all pixels, and the bytes of encoded images."""

    def __init__(self, field: ImageField) -> None:
        self._field = field
        self.pixels = ByteStatistics(field.shape[0])
        self.num_bytes = 0

    def add(self, column: Column) -> None:
        """Count some images."""
        if isinstance(column, RaggedArray):
            self.num_bytes += len(column.values)
        images = self._field.decoded(column)
        for batch in (image[None] for image in images) if isinstance(images, list) else (images,):
            self.pixels.add(batch)
