"""Classes alike, whatever their sizes."""

from collections import Counter

import numpy as np
import pytest

from distnet.data.column import RaggedArray
from distnet.data.samplers.sampler import SplitIndex
from distnet.data.samplers.shuffled.balanced import Balanced
from distnet.errors import DataError

LABELS = np.repeat(np.arange(3, dtype=np.int32), [64, 16, 4])


def sampler(power: float = 0.0, seed: int = 1) -> Balanced:
    return Balanced(SplitIndex(len(LABELS), 12, lambda _: LABELS), seed, power=power)


@pytest.mark.parametrize(
    ("power", "expected"), [(0.0, [28, 28, 28]), (0.5, [48, 24, 12]), (0.99, [64, 16, 4])]
)
def test_classes_have_their_shares_of_an_epoch(power: float, expected: list[int]) -> None:
    for epoch in range(3):
        assert np.bincount(LABELS[sampler(power).ids(epoch)]).tolist() == expected


def test_over_epochs_each_sample_of_a_class_is_used_as_often() -> None:
    made = sampler()
    used = Counter(np.concatenate([made.ids(epoch) for epoch in range(16)]).tolist())

    assert {used[index] for index in range(64)} == {7}
    assert {used[index] for index in range(64, 80)} == {28}
    assert {used[index] for index in range(80, 84)} == {112}


def test_the_same_samples_do_not_stay_together() -> None:
    ids = sampler().ids(0)

    assert (ids[1:] == ids[:-1]).mean() < 0.1
    assert len(set(LABELS[ids[:12]].tolist())) == 3


def test_list_is_a_function_of_seed_and_epoch() -> None:
    assert sampler().ids(2).tolist() == sampler().ids(2).tolist()
    assert sampler().ids(2).tolist() != sampler().ids(3).tolist()
    assert sampler().ids(2).tolist() != sampler(seed=2).ids(2).tolist()


def test_a_field_without_classes_is_refused() -> None:
    texts = RaggedArray.of([np.arange(3), np.arange(2)])

    with pytest.raises(DataError, match="sampler balanced: the field 'y' holds no classes"):
        Balanced(SplitIndex(2, 2, lambda _: texts), 0).ids(0)
