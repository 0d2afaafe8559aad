"""Predictions as a table in a file, CSV or Parquet."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from distnet.run_folder.write import write_whole

PARQUET = (".parquet", ".pq")
SUFFIXES = (".csv", *PARQUET)
HIDDEN = ("value", "values")
"""Of a regression: the same numbers without and with their names."""


def is_table(output: Path | None) -> bool:
    """Whether the name of an output is that of a table."""
    return output is not None and output.suffix.lower() in SUFFIXES and not output.is_dir()


def write_table(predictions: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Write predictions, one a row; where an image has boxes, one box a row.

    Raises:
        RunError: the file cannot be written.
    """
    rows = [row for one in predictions for row in table_rows(one)]
    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.table({name: [row.get(name) for row in rows] for name in names})
    content = BytesIO()
    if file.suffix.lower() in PARQUET:
        pq.write_table(table, content)
    else:
        pc.write_csv(table, content)
    write_whole(file, content.getvalue())


def table_rows(prediction: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells of a prediction by the names of their columns; one row for each box.

    Numbers with names get columns of these names. What is a list is numbered from the second on:
    `class`, `probability`, `class_2`, `probability_2`, ...
    """
    boxes = [_flat(box) for box in prediction.get("boxes", ())]
    rest = {name: each for name, each in prediction.items() if name not in ("boxes", *HIDDEN)}
    row = _flat(rest)
    for name, value in _values(prediction).items():
        row[f"{name}_predicted" if name in row else name] = value
    return [{**row, **box} for box in boxes] or [row]


def _values(prediction: Mapping[str, Any]) -> Mapping[str, Any]:
    """The numbers of a regression, by their names."""
    return prediction["values"] if "values" in prediction else _flat_of("value", prediction)


def _flat_of(name: str, prediction: Mapping[str, Any]) -> Mapping[str, Any]:
    return _flat({name: prediction[name]}) if name in prediction else {}


def _flat(prediction: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in prediction.items():
        match value:
            case Mapping():
                row |= {f"{name}_{inner}": each for inner, each in _flat(value).items()}
            case list() | tuple():
                row |= _numbered(name, value)
            case _:
                row[name] = value
    return row


def _numbered(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """The cells of a list: those of its first element have no number."""
    row: dict[str, Any] = {}
    for number, value in enumerate(values, start=1):
        cells = _flat(value) if isinstance(value, Mapping) else {name: value}
        row |= {key if number == 1 else f"{key}_{number}": cell for key, cell in cells.items()}
    return row
