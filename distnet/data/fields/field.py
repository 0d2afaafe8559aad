"""What a field is: one named column of a dataset, and all properties of its kind.

A kind is a module of this folder, named after it (`class_` for `class`), whose `__all__` holds one
record derived from `Field`. The record is part of the manifest. The class says how the column is
stored in Parquet, how it comes back as NumPy arrays, which statistics are kept, which values are
invalid, how one sample is read from a user's file, and how it is drawn.

Samples of one shape make an array [n, *shape]; others a `RaggedArray`. On disk a sample of several
numbers is a fixed-size list, the storage of Arrow's fixed-shape tensor, with its shape in the
column's metadata: `datasets` of Hugging Face refuses the tensor type itself.
"""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword
from math import prod
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Limits

from distnet.data.column import Array, Column, Ints, RaggedArray
from distnet.data.fields._arrow import plain, read_plain, store_plain
from distnet.data.statistics import Facts, NoStatistics, Statistics
from distnet.errors import DataError, UnknownPartError

Count = Annotated[int, Limits(ge=0)]
Positive = Annotated[int, Limits(gt=0)]
Pixels = NDArray[np.uint8]


class Record(BaseModel):
    """A frozen part of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Field(Record):
    """One column of a dataset, whose samples all have one shape unless a kind says otherwise."""

    kind: ClassVar[str]
    dtype: ClassVar[str]
    """The numbers of a sample, as they are stored."""
    facts: ClassVar[frozenset[str]] = frozenset()
    """Which of the following this kind has."""
    is_repetitive: ClassVar[bool] = False
    """Whether few different values occur, so that Parquet's dictionaries make the column small."""
    encoding: ClassVar[str | None] = None
    """Parquet's encoding of the numbers of a list, where another than the plain one is smaller."""
    is_visible: ClassVar[bool] = False
    """Whether a sample has a thumbnail."""

    shape: tuple[Positive, ...] = ()
    """Of one sample; empty for a single number and for samples that differ in shape."""
    names: tuple[str, ...] = ()
    """Of the numbers of a sample, where the source names them."""
    origin: tuple[float, ...] = ()
    """What was subtracted from each number before it was rounded to float32; empty for nothing.

    A column far from 0, such as seconds since 1970, keeps its digits only relative to a number of
    its own. What is stored, `mean` included, is relative to it."""
    mean: tuple[float, ...] = ()
    """Over the training split, a channel or a number each; a byte b counts as b / 255."""
    std: tuple[float, ...] = ()
    """Beside `mean`; 1 where nothing varies, so that dividing by it is safe."""
    classes: tuple[str, ...] = ()
    """Names of the classes 0, 1, ..."""
    class_counts: dict[str, tuple[Count, ...]] = {}
    """Samples of each class, for each split."""
    num_values: dict[str, Count] = {}
    """Values (tokens, boxes, bytes) of all samples together, for each split of a ragged column."""

    @model_validator(mode="after")
    def _has_its_facts(self) -> "Field":
        for fact in set(Field.model_fields) - self.facts:
            if getattr(self, fact):
                raise ValueError(f"a field of kind {self.kind} has no {fact}")
        if len(self.origin) not in (0, prod(self.shape)):
            raise ValueError(f"origin needs {prod(self.shape)} numbers")
        if len(self.mean) != len(self.std):
            raise ValueError(f"found {len(self.mean)} of mean and {len(self.std)} of std")
        return self

    @property
    def input_shape(self) -> tuple[int, ...]:
        """What a network is made for: the shape of a sample, or of a part of a ragged one."""
        return self.shape

    @property
    def num_bytes(self) -> int:
        """Bytes of one sample, or of one value of a ragged one."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def origins(self) -> NDArray[np.float64]:
        """What was subtracted from each number, in the shape of a sample."""
        if not self.origin:
            return np.zeros(self.shape)
        return np.array(self.origin).reshape(self.shape)

    def in_units(self, column: Array) -> Array:
        """Convert stored numbers [n, *shape] to those of the source, float64 where they have to be.

        An array without the samples' axis is one sample.
        """
        return column + self.origins if self.origin else column

    def unlike(self, other: "Field") -> tuple[str, str] | None:
        """What this field has and the other one has instead, if their samples are of two forms.

        Names of classes and of columns are not looked at, since those can be converted.
        """
        if (self.kind, self.shape) == (other.kind, other.shape):
            return None
        return f"{self.kind}, {list(self.shape)}", f"{other.kind}, {list(other.shape)}"

    def memory_bytes(self, split: str, num_samples: int) -> int:
        """Bytes of all samples of a split in memory."""
        return self.num_values.get(split, num_samples) * self.num_bytes

    def sample_bytes(self, column: Column) -> Ints:
        """Bytes of each sample [n] of a column."""
        if isinstance(column, RaggedArray):
            return column.lengths * self.num_bytes
        return np.full(len(column), self.num_bytes, np.int64)

    def arrow_type(self) -> pa.DataType:
        """The type of the Parquet column."""
        return plain(np.dtype(self.dtype), self.shape)

    def arrow_field(self, name: str) -> pa.Field:
        """The Parquet column, with the shape of its samples in the metadata."""
        metadata = {"kind": self.kind, "shape": json.dumps(self.shape)}
        return pa.field(name, self.arrow_type(), nullable=False, metadata=metadata)

    def to_arrow(self, column: Column) -> pa.Array:
        """Convert samples to the stored column."""
        assert not isinstance(column, RaggedArray)
        return store_plain(np.ascontiguousarray(column, self.dtype))

    def from_arrow(self, stored: pa.Array) -> Column:
        """Convert the stored column to samples: a read-only view where possible.

        Raises:
            ValueError: there are nulls, or samples of another shape.
        """
        return read_plain(stored, np.dtype(self.dtype), self.shape)

    def decoded(self, column: Column) -> Column | list[Array]:
        """Samples as a network takes them: other than as stored only where they are encoded."""
        return column

    def statistics(self) -> Statistics:
        """Start to count the samples of a split."""
        return NoStatistics()

    def described_by(self, statistics: Mapping[str, Any]) -> Facts:
        """The facts that follow from the statistics of some splits, by the names of these."""
        return {}

    def fault(self, column: Column) -> str | None:
        """Describe the first fault in the values of some samples; None if there is none."""
        return None

    def read_file(self, path: Path, *, as_is: bool = False) -> Column:
        """Read the samples of a user's file, to predict from them.

        Args:
            path: the file.
            as_is: change nothing but the size.

        Raises:
            DataError: it cannot be read as a sample of this kind.
        """
        raise DataError(f"{path}: a {self.kind} cannot be read from a file")

    def thumbnail(self, sample: Array) -> Pixels:
        """An image of one sample as stored, [height, width] or [height, width, 3].

        Raises:
            DataError: samples of this kind are not visible.
        """
        raise DataError(f"a {self.kind} has no image")

    def caption(self, sample: Array) -> str | None:
        """One sample as stored, in a few words."""
        return None


def field_kinds() -> list[str]:
    """The kinds of fields there are."""
    names = [module.name for module in iter_modules([str(Path(__file__).parent)])]
    return [name.rstrip("_") for name in names if name != "field" and not name.startswith("_")]


def field_class(kind: str) -> type[Field]:
    """The record of a kind.

    Raises:
        UnknownPartError: there is no such kind.
    """
    if kind not in field_kinds():
        nearest = get_close_matches(kind, field_kinds(), 1)
        raise UnknownPartError(
            f"unknown kind of field {kind!r}; there are: {', '.join(field_kinds())}"
            + (f"; did you mean {nearest[0]}?" if nearest else "")
        )
    module = import_module(f"distnet.data.fields.{kind}{'_' * iskeyword(kind)}")
    (name,) = module.__all__
    found: type[Field] = getattr(module, name)
    return found
