"""The manifest of a dataset: what its shards hold, so that nobody has to open them to know.

A dataset is a folder:

    manifest.json           written last; a folder without one is no dataset
    train-00000.parquet     columns `x` and `y`, one row a sample
    test-00000.parquet

Column `x` is a fixed-size binary: the sample's numbers in row-major order, little-endian. Column
`y` is int32 (the index of a class) or a fixed-size binary of float32 numbers. A row group holds
`row_group_samples` rows (the last of a shard may hold fewer).
"""

import hashlib
import json
from math import prod
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distnet.errors import DataError

MANIFEST = "manifest.json"
FORMAT = 1
Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A frozen part of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(Record):
    """What `x` is: an image [channels, height, width] of uint8, or a vector [n] of float32."""

    kind: Literal["image", "vector"]
    shape: tuple[int, ...]
    dtype: Literal["uint8", "float32"]
    names: tuple[str, ...] = ()
    """The columns of a vector, where the source names them."""
    mean: tuple[float, ...]
    """Over the training split, a channel or an element of the vector; uint8 counts as x / 255."""
    std: tuple[float, ...]

    @property
    def num_bytes(self) -> int:
        """Bytes of one sample."""
        return prod(self.shape) * (1 if self.dtype == "uint8" else 4)


class Target(Record):
    """What `y` is: one of `classes`, or `shape` numbers."""

    kind: Literal["class", "number"]
    classes: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


class Shard(Record):
    """One Parquet file of a split."""

    file: str
    num_samples: Count
    num_bytes: Count
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Split(Record):
    """Samples that belong together, in the order of the shards."""

    num_samples: Count
    shards: tuple[Shard, ...]
    class_counts: tuple[int, ...] = ()


class Manifest(Record):
    """All that is known of a dataset without reading its shards."""

    format: Literal[1] = FORMAT
    name: str
    source: str
    licence: str = "unknown"
    row_group_samples: Annotated[int, Field(gt=0)]
    x: Input
    y: Target
    splits: dict[str, Split]

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    @property
    def sha256(self) -> str:
        """The identity of the data: shards' digests are inside, so equal means equal samples."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


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
