from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from distnet.data.manifest import Input, Target
from distnet.data.statistics import Moments, Statistics

CLASSES = Target(kind="class", classes=("a", "b"))


def measure(x: NDArray[Any], *cuts: int) -> Moments:
    if x.dtype == np.uint8:
        described = Input(kind="image", shape=x.shape[1:], dtype="uint8")
    else:
        described = Input(kind="vector", shape=x.shape[1:], dtype="float32")
    statistics = Statistics(described, CLASSES)
    for part in np.split(x, cuts):
        statistics.add(part, np.zeros(len(part), np.int32))
    return statistics.of_x()


def test_bytes_count_as_numbers_from_0_to_1() -> None:
    x = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
    found = measure(x, 20, 33)
    np.testing.assert_allclose(found.mean, (x / 255).mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(found.std, (x / 255).std(axis=(0, 2, 3)), rtol=1e-12)


def test_bytes_give_the_same_numbers_however_they_are_cut() -> None:
    x = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
    assert measure(x, 20, 33) == measure(x, 1)


@pytest.mark.parametrize("offset", [0, 1e6])
def test_elements_have_their_mean_and_deviation(offset: float) -> None:
    x = (np.random.default_rng(0).normal(offset, 3, (1000, 4))).astype(np.float32)
    found = measure(x, 100, 101, 700)
    np.testing.assert_allclose(found.mean, x.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.std, x.astype(np.float64).std(axis=0), rtol=1e-9)


def test_deviation_is_1_where_nothing_varies() -> None:
    numbers = np.full((1000, 2), [0.1, 1e30], np.float32)
    assert measure(numbers, 333).std == (1, 1)
    assert measure(np.full((10, 1, 2, 2), 7, np.uint8)).std == (1,)


def test_targets_that_are_numbers_have_a_mean_and_deviation_each() -> None:
    x = np.zeros((100, 1), np.float32)
    y = np.random.default_rng(0).normal(3e5, 1e5, (100, 1, 2)).astype(np.float32)
    statistics = Statistics(
        Input(kind="vector", shape=(1,), dtype="float32"), Target(kind="number", shape=(1, 2))
    )
    for low, high in ((0, 30), (30, 100)):
        statistics.add(x[low:high], y[low:high])
    numbers = y.reshape(100, 2).astype(np.float64)
    np.testing.assert_allclose(statistics.of_y().mean, numbers.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(statistics.of_y().std, numbers.std(axis=0), rtol=1e-9)


def test_classes_have_no_mean() -> None:
    statistics = Statistics(Input(kind="vector", shape=(1,), dtype="float32"), CLASSES)
    statistics.add(np.zeros((2, 1), np.float32), np.array([0, 1], np.int32))
    assert statistics.of_y() == Moments((), ())
