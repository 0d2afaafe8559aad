"""Batches of P classes with K samples each."""

import numpy as np
import pytest

from distnet.data.samplers.grouped.identities import Identities
from distnet.data.samplers.sampler import SplitIndex
from distnet.errors import DataError

LABELS = np.repeat(np.arange(10, dtype=np.int32), [9, 3, 12, 8, 8, 8, 8, 8, 8, 8])


def sampler(batch_size: int = 12, seed: int = 1, labels: np.ndarray = LABELS) -> Identities:
    index = SplitIndex(len(labels), batch_size, lambda _: labels)
    return Identities(index, seed, identities=3, samples=4)


def test_every_batch_has_as_many_classes_and_samples_of_each() -> None:
    made = sampler()
    assert made.num_samples == 72
    for epoch in range(3):
        ids = made.ids(epoch)
        assert len(ids) == made.num_samples
        for batch in LABELS[ids].reshape(-1, 12):
            assert [len(set(part)) for part in batch.reshape(3, 4)] == [1, 1, 1]
            assert len(set(batch)) == 3


def test_samples_of_a_class_repeat_only_where_there_are_too_few() -> None:
    for group in sampler().ids(0).reshape(-1, 4):
        assert len(set(group.tolist())) == min(4, int((LABELS[group[0]] == LABELS).sum()))


def test_list_is_a_function_of_seed_and_epoch() -> None:
    assert sampler().ids(2).tolist() == sampler().ids(2).tolist()
    assert sampler().ids(2).tolist() != sampler().ids(3).tolist()
    assert sampler().ids(2).tolist() != sampler(seed=2).ids(2).tolist()


def test_batches_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="batch_size of 16, expected 12 = 3 identities x 4"):
        sampler(batch_size=16)
    with pytest.raises(ValueError, match="found 5 samples, expected 12 or more"):
        sampler(labels=LABELS[:5])
    with pytest.raises(DataError, match="found 2 classes among the samples, expected 3"):
        sampler(labels=LABELS[:12]).ids(0)
