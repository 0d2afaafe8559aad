"""Dates and times as numbers: days since 1970-01-01, with a fraction for the time of day."""

import re
from datetime import UTC, datetime, timedelta
from math import inf

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distnet.data.sources.tables.cells import is_text
from distnet.data.sources.tables.labels import label_texts

MEANING = "days since 1970-01-01"
EXAMPLE = "2024-01-31"
_DATE = re.compile(
    r"\s*([0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?)?)\s*",
    re.ASCII,
)
_MICROSECONDS = 86_400_000_000
_START = datetime(1970, 1, 1, tzinfo=UTC)


def holds_dates(kind: pa.DataType) -> bool:
    """Whether a type of columns is that of dates or points in time."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def as_days(column: pa.Array) -> pa.Array:
    """The days of dates, or of text in ISO 8601, as float64: infinite where a text is no date.

    Times without a zone are taken as UTC. Missing cells stay null.
    """
    if holds_dates(column.type):
        since = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return pc.divide(since.cast(pa.float64(), safe=False), float(_MICROSECONDS))
    if not is_text(column.type):
        return pa.array(np.where(column.is_valid(), np.inf, np.nan), from_pandas=True)
    encoded = label_texts(column).dictionary_encode()
    different = pa.array(map(_days, encoded.dictionary.to_pylist()), pa.float64())
    return different.take(encoded.indices)


def _days(cell: str) -> float:
    match = _DATE.fullmatch(cell)
    try:
        moment = datetime.fromisoformat(match[1]) if match else None
    except ValueError:  # such as 2024-02-30
        moment = None
    if moment is None:
        return inf
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _START
    return (since // timedelta(microseconds=1)) / _MICROSECONDS
