import numpy as np
import pytest

from distnet.data.column import Array, RaggedArray
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.number import NumberField
from distnet.data.fields.tokens import TokensField
from distnet.data.fields.vector import VectorField
from distnet.data.statistics import Facts


def measure(x: Array, *cuts: int) -> Facts:
    field = (ImageField if x.dtype == np.uint8 else VectorField)(shape=x.shape[1:])
    return measure_field(field, x, *cuts)


def measure_field(field: Field, column: Array, *cuts: int) -> Facts:
    statistics = field.statistics()
    for part in np.split(column, cuts):
        statistics.add(part)
    return field.described_by({"train": statistics})


def test_bytes_count_as_numbers_from_0_to_1() -> None:
    x = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
    found = measure(x, 20, 33)
    np.testing.assert_allclose(found["mean"], (x / 255).mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(found["std"], (x / 255).std(axis=(0, 2, 3)), rtol=1e-12)


def test_bytes_give_the_same_numbers_however_they_are_cut() -> None:
    x = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)
    assert measure(x, 20, 33) == measure(x, 1)


@pytest.mark.parametrize("offset", [0, 1e6])
def test_elements_have_their_mean_and_deviation(offset: float) -> None:
    x = (np.random.default_rng(0).normal(offset, 3, (1000, 4))).astype(np.float32)
    found = measure(x, 100, 101, 700)
    np.testing.assert_allclose(found["mean"], x.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found["std"], x.astype(np.float64).std(axis=0), rtol=1e-9)


def test_deviation_is_1_where_nothing_varies() -> None:
    numbers = np.full((1000, 2), [0.1, 1e30], np.float32)
    assert measure(numbers, 333)["std"] == (1, 1)
    assert measure(np.full((10, 1, 2, 2), 7, np.uint8))["std"] == (1,)


def test_targets_that_are_numbers_have_a_mean_and_deviation_each() -> None:
    y = np.random.default_rng(0).normal(3e5, 1e5, (100, 1, 2)).astype(np.float32)
    found = measure_field(NumberField(shape=(1, 2)), y, 30)
    numbers = y.reshape(100, 2).astype(np.float64)
    np.testing.assert_allclose(found["mean"], numbers.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found["std"], numbers.std(axis=0), rtol=1e-9)


def test_classes_are_counted_and_have_no_mean() -> None:
    found = measure_field(ClassField(classes=("a", "b")), np.array([0, 1, 1], np.int32), 1)
    assert found == {"class_counts": {"train": (1, 2)}}


def test_moments_are_of_the_training_split_and_counts_of_all() -> None:
    field = VectorField(shape=(1,))
    statistics = field.statistics()
    statistics.add(np.ones((2, 1), np.float32))
    assert field.described_by({"test": statistics}) == {}
    tokens = TokensField()
    splits = {}
    for split, lengths in {"train": [2, 5], "test": [0, 3]}.items():
        splits[split] = tokens.statistics()
        values = np.zeros(sum(lengths), np.int32)
        splits[split].add(RaggedArray(values, np.array(lengths)))
    assert tokens.described_by(splits) == {"num_values": {"train": 7, "test": 3}, "longest": 5}
