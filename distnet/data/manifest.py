"""The manifest of a dataset: what its shards hold, so that nobody has to open them to know.

A dataset is a folder:

    manifest.json           written last; a folder without one is no dataset
    train-00000.parquet     columns `x` and `y`, one row a sample
    test-00000.parquet

Column `x` is a fixed-size binary: the sample's numbers in row-major order, little-endian. Column
`y` is int32 (the index of a class) or a fixed-size binary of float32 numbers. A row group holds
`row_group_samples` rows (the last of a shard may hold fewer). `distnet/data/shards.py` writes and
reads them.
"""

import hashlib
import json
from math import prod
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from distnet.errors import DataError

MANIFEST = "manifest.json"
FORMAT: Literal[1] = 1
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
SplitName = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class Record(BaseModel):
    """A frozen part of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(Record):
    """What `x` is: an image [channels, height, width] of uint8, or a vector [n] of float32."""

    kind: Literal["image", "vector"]
    shape: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=3)]
    dtype: Literal["uint8", "float32"]
    names: tuple[str, ...] = ()
    """The columns of a vector, where the source names them."""
    mean: tuple[float, ...] = ()
    """Over the training split, a channel or an element of the vector; uint8 counts as x / 255."""
    std: tuple[float, ...] = ()
    """Beside `mean`; 1 where nothing varies, so that dividing by it is safe."""

    @model_validator(mode="after")
    def _fits(self) -> "Input":
        expected = (3, "uint8") if self.kind == "image" else (1, "float32")
        if (len(self.shape), self.dtype) != expected:
            raise ValueError(f"{self.kind} of {self.dtype} {list(self.shape)} is not possible")
        if len(self.mean) != len(self.std) or len(self.mean) not in (0, self.shape[0]):
            raise ValueError(f"mean and std need {self.shape[0]} numbers each")
        return self

    @property
    def num_bytes(self) -> int:
        """Bytes of one sample."""
        return prod(self.shape) * (1 if self.dtype == "uint8" else 4)


class Target(Record):
    """What `y` is: one of `classes`, or numbers in `shape` (a single number is `(1,)`)."""

    kind: Literal["class", "number"]
    classes: tuple[str, ...] = ()
    shape: tuple[Positive, ...] = ()
    names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    """Over the training split, one for each number in row-major order; none for classes."""
    std: tuple[float, ...] = ()
    """Beside `mean`; 1 where nothing varies."""

    @model_validator(mode="after")
    def _fits(self) -> "Target":
        if (self.kind == "class") != bool(self.classes) or (self.kind == "number") != bool(
            self.shape
        ):
            raise ValueError("a class target has classes, a number target has a shape")
        count = prod(self.shape) if self.kind == "number" else 0
        if len(self.mean) != len(self.std) or len(self.mean) not in (0, count):
            raise ValueError(f"mean and std need {count} numbers each")
        return self


class Shard(Record):
    """One Parquet file of a split."""

    file: Annotated[str, Field(pattern="^[A-Za-z0-9_-]+[.]parquet$")]
    num_samples: Count
    num_bytes: Count
    """Bytes of the file."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Split(Record):
    """Samples that belong together, in the order of the shards."""

    num_samples: Count
    shards: tuple[Shard, ...]
    class_counts: tuple[Count, ...] = ()
    """Samples of each class, where the target is a class."""

    @model_validator(mode="after")
    def _adds_up(self) -> "Split":
        if sum(shard.num_samples for shard in self.shards) != self.num_samples:
            raise ValueError(f"the shards do not add up to {self.num_samples} samples")
        return self

    @property
    def num_bytes(self) -> int:
        """Bytes of the files."""
        return sum(shard.num_bytes for shard in self.shards)


class Manifest(Record):
    """All that is known of a dataset without reading its shards."""

    format: Literal[1] = FORMAT
    name: str
    source: str
    licence: str = "unknown"
    row_group_samples: Annotated[int, Field(gt=0)]
    x: Input
    y: Target
    splits: Annotated[dict[SplitName, Split], Field(min_length=1)]

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    @property
    def sha256(self) -> str:
        """The identity of the data: shards' digests are inside, so equal means equal samples.

        Name, source and licence are left out: a renamed dataset is still the same data.
        """
        data = self.model_dump(mode="json", exclude={"name", "source", "licence"})
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

    def split(self, name: str) -> Split:
        """The split called `name`.

        Raises:
            DataError: there is none.
        """
        if name not in self.splits:
            raise DataError(
                f"dataset {self.name!r} has no split {name!r}; it has: {', '.join(self.splits)}"
            )
        return self.splits[name]


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the dataset in `folder`.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(
            f"{folder}: no dataset here ({MANIFEST} is missing); "
            f"make one with: distnet data import SOURCE {folder}"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{path}: damaged manifest at {key or 'the top'}: {first['msg']}; "
            "import the dataset again"
        ) from None
