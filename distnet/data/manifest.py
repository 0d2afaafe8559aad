"""The manifest of a dataset: what its shards hold, known without opening them.

A dataset is a folder:

    manifest.json           written last; a folder without one is not a dataset
    train-00000.parquet     one row a sample, one column for each of the manifest's fields
    test-00000.parquet

By convention a dataset for classification or regression has the fields `x` and `y`. The
kind of a field defines how its column is stored (`distnet/data/fields/`). `shards.py` reads the
Parquet files, `shard_writer.py` writes them; any other tool that knows Parquet reads them as well.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BeforeValidator, PlainSerializer, ValidationError, model_validator
from pydantic import Field as Limits

from distnet.data import format1
from distnet.data.features.form import TableForm
from distnet.data.fields.field import Count, Field, Positive, Record, field_class
from distnet.data.survey.summary import ImportSummary
from distnet.errors import DataError, UnknownPartError
from distnet.spec.printable import argument
from distnet.spec.reading.validation import first_damage

MANIFEST = "manifest.json"
_OF_PICTURES = ("image-folder", "image-table", "masks", "parquet", "pascal-voc", "sprite-sheet")
"""Sources of images; those of IDX and NPZ are arrays that somebody has prepared."""
SplitName = Annotated[str, Limits(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")]
FieldName = Annotated[str, Limits(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]


def _parsed(value: Any) -> Any:
    """Parse the record of a field by its kind."""
    if isinstance(value, Field) or not isinstance(value, dict):
        return value
    try:
        cls = field_class(str(value.get("kind")))
        return cls.model_validate({k: v for k, v in value.items() if k != "kind"})
    except UnknownPartError as error:
        raise ValueError(str(error)) from None
    except ValidationError as error:
        raise ValueError(first_damage(error)) from None


def _written(field: Field) -> dict[str, Any]:
    """Write a field without the facts that it does not have."""
    return {"kind": field.kind} | field.model_dump(mode="json", exclude_defaults=True)


AnyField = Annotated[Field, BeforeValidator(_parsed), PlainSerializer(_written)]


class Shard(Record):
    """One Parquet file of a split."""

    file: Annotated[str, Limits(pattern="^[A-Za-z0-9_-]+[.]parquet$")]
    num_samples: Count
    num_bytes: Count
    """Bytes of the file."""
    sha256: Annotated[str, Limits(pattern="^[0-9a-f]{64}$")]
    groups: tuple[Positive, ...]
    """Samples of each row group."""

    @model_validator(mode="after")
    def _adds_up(self) -> "Shard":
        if sum(self.groups) != self.num_samples:
            raise ValueError(f"the row groups do not add up to {self.num_samples} samples")
        return self


class Split(Record):
    """Samples that belong together, in the order of the shards."""

    num_samples: Count
    shards: tuple[Shard, ...]

    @model_validator(mode="after")
    def _adds_up(self) -> "Split":
        if sum(shard.num_samples for shard in self.shards) != self.num_samples:
            raise ValueError(f"the shards do not add up to {self.num_samples} samples")
        return self

    @property
    def num_bytes(self) -> int:
        """Bytes of the files."""
        return sum(shard.num_bytes for shard in self.shards)

    @property
    def groups(self) -> tuple[int, ...]:
        """Samples of each row group, over all shards."""
        return tuple(count for shard in self.shards for count in shard.groups)


class Manifest(Record):
    """Everything known of a dataset without reading its shards."""

    format: Literal[1, 2] = 2
    name: str
    source: str
    licence: str = "unknown"
    row_group_samples: Positive | None = None
    """Of format 1 alone; since then, every shard lists its row groups."""
    fields: Annotated[dict[FieldName, AnyField], Limits(min_length=1)]
    splits: Annotated[dict[SplitName, Split], Limits(min_length=1)]
    table: TableForm | None = None
    """Of the source, where it is a table of another form than most; no part of the identity."""
    import_summary: ImportSummary | None = None
    """What the import read, left out and guessed; no part of the identity."""

    @model_validator(mode="before")
    @classmethod
    def _of_format_1(cls, value: Any) -> Any:
        is_old = isinstance(value, dict) and value.get("format") == 1 and "fields" not in value
        return format1.upgraded(value) if is_old else value

    @property
    def is_of_images(self) -> bool:
        """Whether its images were image files, which an import reads in one way: as they are."""
        return self.source.partition(":")[0] in _OF_PICTURES

    @property
    def x(self) -> Field:
        """The field called x.

        Raises:
            ValueError: there is none.
        """
        return self._field("x")

    @property
    def y(self) -> Field:
        """The field called y.

        Raises:
            ValueError: there is none.
        """
        return self._field("y")

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        # The order of fields is kept, except in format 1, whose text stays what it was.
        return json.dumps(self.as_written(), indent=2, sort_keys=self.format == 1) + "\n"

    def as_written(self) -> dict[str, Any]:
        """The content of `manifest.json`."""
        content = self.model_dump(
            mode="json", exclude_none=True, exclude={"table", "import_summary"}
        )
        if self.table is not None:
            content["table"] = self.table.model_dump(mode="json", exclude_defaults=True)
        if self.import_summary is not None:
            content["import_summary"] = self.import_summary.model_dump(exclude_defaults=True)
        return format1.downgraded(content) if self.format == 1 else content

    @property
    def sha256(self) -> str:
        """The identity of the data: shards' digests are inside, so equal means equal samples.

        Name, source, licence, form and the summary of the import are left out: a renamed dataset is
        still the same data.
        """
        left_out = ("name", "source", "licence", "table", "import_summary")
        data = {key: part for key, part in self.as_written().items() if key not in left_out}
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

    def memory_bytes(self, split: str) -> int:
        """Bytes of all samples of a split in memory; 0 where there is no such split."""
        if split not in self.splits:
            return 0
        num_samples = self.splits[split].num_samples
        # Format 1 counted x alone, and the order of samples depends on this number.
        fields = [self.x] if self.format == 1 else self.fields.values()
        return sum(field.memory_bytes(split, num_samples) for field in fields)

    def arrow_schema(self) -> pa.Schema:
        """The columns of every shard."""
        if self.format == 1:
            return format1.arrow_schema(self.fields)
        return arrow_schema(self.fields)

    def _field(self, name: str) -> Field:
        if name not in self.fields:
            found = ", ".join(self.fields)
            raise ValueError(f"dataset {self.name!r} has no field {name!r}; it has: {found}")
        return self.fields[name]


def arrow_schema(fields: Mapping[str, Field]) -> pa.Schema:
    """The Parquet columns of some fields."""
    return pa.schema([field.arrow_field(name) for name, field in fields.items()])


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
            f"{folder}: not a dataset ({MANIFEST} is missing); "
            f"create one with: distnet data import SOURCE {argument(folder)}"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise DataError(
            f"{path}: damaged manifest at {first_damage(error)}; import the dataset again"
        ) from None
