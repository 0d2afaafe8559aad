"""The Frechet distance between two sets of features, each taken as a Gaussian.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2)

Means and covariances come from sums, so an evaluation adds them up like everything else, exactly
the same on any number of workers.

Source: Frechet 1957; Dowson and Landau 1982 (Gaussians); Heusel et al. 2017 (of the features of a
classifier, as a measure of generated images).

Letters: n samples, d features.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]


class Gaussian(NamedTuple):
    """A mean [d] and a covariance [d, d]."""

    mean: Floats
    covariance: Floats


def num_sums(num_features: int) -> int:
    """The numbers that `moment_sums` returns."""
    return 1 + num_features + num_features**2


def moment_sums(features: Tensor) -> Tensor:
    """Return [n, sum of f (d), sum of f f^T (d * d)] of features [n, d], in float64."""
    features = features.double()
    count = features.new_full((1,), len(features))
    return torch.cat([count, features.sum(0), (features.T @ features).reshape(-1)])


def gaussian(sums: Tensor) -> Gaussian:
    """The mean and the covariance (divided by n - 1, as numpy.cov) from `moment_sums`."""
    values = sums.double().cpu().numpy()
    num_features = round((len(values) - 0.75) ** 0.5 - 0.5)  # 1 + d + d^2 numbers
    count = values[0]
    mean = values[1 : 1 + num_features] / count
    squares = values[1 + num_features :].reshape(num_features, num_features)
    covariance = (squares - count * np.outer(mean, mean)) / max(count - 1, 1)
    return Gaussian(mean, (covariance + covariance.T) / 2)


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """The squared Frechet distance; 0 for equal Gaussians.

    The trace of (C1 C2)^1/2 is that of the root of the symmetric C1^1/2 C2 C1^1/2, which has the
    same eigenvalues: they are real, and rounding makes none of them complex.
    """
    root = _root(one.covariance)
    eigenvalues = np.linalg.eigvalsh(root @ other.covariance @ root)
    cross = np.sqrt(eigenvalues.clip(min=0)).sum()
    apart = float(np.square(one.mean - other.mean).sum())
    spread = float(np.trace(one.covariance) + np.trace(other.covariance) - 2 * cross)
    return max(apart + spread, 0.0)


def _root(matrix: Floats) -> Floats:
    """The root of a symmetric matrix without negative eigenvalues, [d, d]."""
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root
