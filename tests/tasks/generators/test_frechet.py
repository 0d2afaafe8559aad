"""The Frechet distance, against cases worked out by hand and another way to compute it."""

import numpy as np
import pytest
import torch

from distnet.tasks.generators.quality.frechet import (
    Gaussian,
    frechet_distance,
    gaussian,
    moment_sums,
)


def random_gaussian(seed: int, size: int = 6) -> Gaussian:
    random = np.random.default_rng(seed)
    factor = random.normal(size=(size, size))
    return Gaussian(random.normal(size=size), factor @ factor.T)


def test_gaussians_of_one_dimension_differ_by_mean_and_deviation():
    one, other = (Gaussian(np.array([m]), np.array([[s**2]])) for m, s in ((1.0, 2.0), (4.0, 0.5)))

    assert frechet_distance(one, other) == pytest.approx((1 - 4) ** 2 + (2 - 0.5) ** 2)


def test_covariances_that_commute_differ_by_their_axes():
    axes, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    lengths = np.array([1.0, 2.0, 3.0]), np.array([0.5, 2.0, 0.0])
    one, other = (Gaussian(np.zeros(3), axes @ np.diag(each**2) @ axes.T) for each in lengths)

    assert frechet_distance(one, other) == pytest.approx(0.5**2 + 0 + 3**2)


def test_any_two_gaussians_have_the_distance_by_the_eigenvalues_of_the_product():
    one, other = random_gaussian(1), random_gaussian(2)
    product = np.linalg.eigvals(one.covariance @ other.covariance)
    spread = np.trace(one.covariance) + np.trace(other.covariance)
    expected = ((one.mean - other.mean) ** 2).sum() + spread - 2 * np.sqrt(product.real).sum()

    assert frechet_distance(one, other) == pytest.approx(expected)
    assert frechet_distance(other, one) == pytest.approx(expected)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_sums_of_parts_give_the_mean_and_covariance_of_the_whole():
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))

    found = gaussian(moment_sums(features[:17]) + moment_sums(features[17:]))

    np.testing.assert_allclose(found.mean, features.double().mean(0))
    np.testing.assert_allclose(found.covariance, np.cov(features.double().numpy().T))


@pytest.mark.parametrize("counts", [(3, 4), (1, 5), (2, 400), (400, 300)], ids=str)
def test_few_samples_whose_covariances_are_singular(counts: tuple[int, int]):
    """The trace of the root of C1 C2 is the sum of the singular values of A1 A2^T, C = A^T A."""
    random = np.random.default_rng(7)
    samples = [random.normal(size=(count, 8)) @ random.normal(size=(8, 8)) for count in counts]
    factors = [(x - x.mean(0)) / max(len(x) - 1, 1) ** 0.5 for x in samples]
    spread = sum(np.square(factor).sum() for factor in factors)
    cross = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    expected = np.square(samples[0].mean(0) - samples[1].mean(0)).sum() + spread - 2 * cross

    found = frechet_distance(*(gaussian(moment_sums(torch.from_numpy(x))) for x in samples))

    assert found == pytest.approx(expected, rel=1e-6)
