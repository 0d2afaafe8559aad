"""Missing numbers of a table become the means of the training part.

Which rows are the training is decided first, by samples in which those numbers are missing. So the
means know nothing of the test.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from distnet.data.column import Array, Columns
from distnet.data.features.feature import Feature
from distnet.data.fields.field import Field
from distnet.data.fields.vector import VectorField
from distnet.errors import DataError

Fill = Callable[[Columns], Columns]


def as_it_is(columns: Columns) -> Columns:
    """Fill in nothing."""
    return columns


def with_means(
    fields: Mapping[str, Field], gaps: tuple[str, ...], training: Iterable[Columns]
) -> tuple[dict[str, Field], Fill]:
    """Take the means of the columns in which numbers are missing.

    Args:
        fields: of the samples; those columns are in `x`.
        gaps: their names.
        training: the samples of the training part, with NaN for what is missing.

    Returns:
        The fields, which know the means, and what puts them into samples.

    Raises:
        DataError: a column has no number in the training part.
    """
    x = fields["x"]
    assert isinstance(x, VectorField)
    means = _means(training, x.shape[0]).astype(np.float32)
    columns, low = list[Feature](), 0
    for column in x.features:
        own = means[low : low + column.width]
        low += column.width
        if column.name in gaps and not np.isfinite(own).all():
            raise DataError(
                f"the column {column.name!r} has no number in the training part; leave it out with "
                f"--drop {column.name!r}"
            )
        fill = tuple(own.tolist()) if column.name in gaps else column.fill
        columns.append(column.model_copy(update={"fill": fill}))

    def fill_in(samples: Columns) -> Columns:
        numbers = samples["x"]
        assert isinstance(numbers, np.ndarray)
        return {**samples, "x": np.where(np.isnan(numbers), means, numbers)}

    return {**fields, "x": x.model_copy(update={"columns": tuple(columns)})}, fill_in


def _means(samples: Iterable[Columns], width: int) -> Array:
    """Of the numbers that are there, float64 [width]; NaN where there are none."""
    total, count = np.zeros(width), np.zeros(width, np.int64)
    for columns in samples:
        numbers = np.asarray(columns["x"], np.float64)
        total += np.nansum(numbers, axis=0)
        count += np.isfinite(numbers).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return total / count
