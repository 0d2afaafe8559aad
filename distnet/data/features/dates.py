"""Dates and times as numbers: days since 1970-01-01, with a fraction for the time of day.

Text is read in ISO 8601, or with points: there the day comes first, wherever dates are written so.
"""

import re
from datetime import UTC, datetime, timedelta
from math import inf

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distnet.data.sources.tables.cells import is_text
from distnet.data.sources.tables.labels import label_texts

MEANING = "days since 1970-01-01"
FORMS = "2024-01-31 or 31.01.2024"
"""In which text is read, for messages."""
_DATE = re.compile(
    r"\s*([0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?)?)\s*",
    re.ASCII,
)
_WITH_POINTS = re.compile(
    r"\s*([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?\s*", re.ASCII
)
_MICROSECONDS = 86_400_000_000
_START = datetime(1970, 1, 1, tzinfo=UTC)


def holds_dates(kind: pa.DataType) -> bool:
    """Whether a type of columns is that of dates or points in time."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def as_days(column: pa.Array) -> pa.Array:
    """The days of dates, or of text in one of the forms, as float64: infinite where it is no date.

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
    match = _DATE.fullmatch(_in_iso_8601(cell))
    try:
        moment = datetime.fromisoformat(match[1]) if match else None
    except ValueError:  # such as 2024-02-30
        moment = None
    if moment is None:
        return inf
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _START
    return (since // timedelta(microseconds=1)) / _MICROSECONDS


def _in_iso_8601(cell: str) -> str:
    """`31.1.2024 12:00` as `2024-01-31 12:00`; other text as it is."""
    match = _WITH_POINTS.fullmatch(cell)
    if match is None:
        return cell
    day, month, year, time = match.group(1, 2, 3, 4)
    return f"{year}-{month:0>2}-{day:0>2}{time or ''}"
