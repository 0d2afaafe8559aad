"""Datasets of format 1, which earlier versions of distnet wrote: read as if they were of format 2.

There, a dataset had two columns: `x`, a fixed-size binary, and `y`, an int32 or a fixed-size binary
of float32. `row_group_samples` held for all row groups, and the class counts stood in the splits.
A manifest's sha256 stays that of its old form, as checkpoints name it.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from distnet.data.fields.field import Field

Content = dict[str, Any]

X_FACTS = ("kind", "shape", "dtype", "names", "mean", "std")
Y_FACTS = ("kind", "classes", "shape", "names", "mean", "std")


def upgraded(content: Content) -> Content:
    """Turn the content of a manifest of format 1 into that of format 2.

    Raises:
        ValueError: a part is missing or of another type.
    """
    try:
        counts = {name: part.get("class_counts", ()) for name, part in content["splits"].items()}
        x = {key: value for key, value in content["x"].items() if key != "dtype"}
        y = dict(content["y"])
        if y["kind"] == "class":
            y["class_counts"] = counts
        size = content["row_group_samples"]
        splits = {name: _with_groups(part, size) for name, part in content["splits"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest of format 1: {error!r}") from None
    kept = {key: value for key, value in content.items() if key not in ("x", "y", "splits")}
    return {**kept, "fields": {"x": x, "y": y}, "splits": splits}


def downgraded(content: Content) -> Content:
    """Turn the content of an upgraded manifest back into what it was."""
    x, y = content["fields"]["x"], content["fields"]["y"]
    dtype = "uint8" if x["kind"] == "image" else "float32"
    splits = {name: _without_groups(part) for name, part in content["splits"].items()}
    for name, part in splits.items():
        part["class_counts"] = y.get("class_counts", {}).get(name, [])
    kept = {key: value for key, value in content.items() if key != "fields"}
    return {
        **kept,
        "x": {key: ({"dtype": dtype} | x).get(key, []) for key in X_FACTS},
        "y": {key: y.get(key, []) for key in Y_FACTS},
        "splits": splits,
    }


def arrow_schema(fields: Mapping[str, Field]) -> pa.Schema:
    """The columns of a shard of format 1."""
    types = {name: pa.binary(field.num_bytes) for name, field in fields.items()}
    if fields["y"].kind == "class":
        types["y"] = pa.int32()
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])


def _with_groups(split: Content, size: int) -> Content:
    shards = [{**shard, "groups": _groups(shard["num_samples"], size)} for shard in split["shards"]]
    return {"num_samples": split["num_samples"], "shards": shards}


def _without_groups(split: Content) -> Content:
    shards = [{k: v for k, v in shard.items() if k != "groups"} for shard in split["shards"]]
    return {**split, "shards": shards}


def _groups(num_samples: int, size: int) -> list[int]:
    return [min(size, num_samples - first) for first in range(0, num_samples, size)]
