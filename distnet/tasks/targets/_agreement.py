"""Predicted against actual numbers of all samples, as figures.

Letters: n samples, k numbers of each that are shown.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from distnet.run_folder.figures import Density, Figure, Scatter, Series

MOST_SHOWN = 6
"""Of more numbers a sample, the first are shown."""
MOST_POINTS = 2_000
"""Of more samples, the points would cover one another: they are counted on a grid."""
BINS = 60
ACTUAL, PREDICTED = "actual", "predicted"


def agreement(names: Sequence[str], pairs: NDArray[np.float64]) -> tuple[Figure, ...]:
    """Show each number of all samples.

    Args:
        names: of the numbers, k or more.
        pairs: actual and predicted, [n, k, 2], in the units of the data.
    """
    shown = names[: pairs.shape[1]]
    titles = [f": {name}" if len(names) > 1 else "" for name in shown]
    found = (_shown(title, pairs[:, i]) for i, title in enumerate(titles))
    return tuple(figure for figure in found if figure is not None)


def _shown(name: str, pairs: NDArray[np.float64]) -> Figure | None:
    finite = pairs[np.isfinite(pairs).all(1)]
    if not len(finite):
        return None
    title = f"Predicted against actual{name}"
    if len(finite) > MOST_POINTS:
        return _counted(title, finite)
    x, y = (tuple(column) for column in finite.T.tolist())
    return Scatter(title, ACTUAL, PREDICTED, (Series("samples", x, y),), has_diagonal=True)


def _counted(title: str, pairs: NDArray[np.float64]) -> Density:
    low, high = float(pairs.min()), float(pairs.max())
    high = high if high > low else low + 1.0
    counts, _, _ = np.histogram2d(pairs[:, 1], pairs[:, 0], BINS, [[low, high], [low, high]])
    rows = tuple(map(tuple, counts.astype(int).tolist()))
    return Density(title, ACTUAL, PREDICTED, low, high, rows)
