"""The order of samples: complete, shuffled, and a pure function."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distnet.data.order import Batches, Order
from distnet.data.shuffle import mix, shuffled


def epoch_samples(order: Order, epoch: int) -> list[int]:
    """Sample ids in the order of use, read as a trainer reads them."""
    starts = np.cumsum([0, *order.groups])
    samples: list[int] = []
    for index in range(order.num_windows):
        window = order.read_window(epoch, index)
        assert window.first == len(samples)
        held = np.concatenate([np.arange(starts[g], starts[g + 1]) for g in window.groups])
        samples += held[window.rows].tolist()
    return samples


@given(
    groups=st.lists(st.integers(1, 50), min_size=1, max_size=12),
    window=st.integers(1, 12),
    seed=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 1000),
)
def test_order_uses_every_sample_once_an_epoch(
    groups: list[int], window: int, seed: int, epoch: int
) -> None:
    order = Order(tuple(groups), window, seed)

    samples = epoch_samples(order, epoch)

    assert sorted(samples) == list(range(sum(groups)))
    assert samples == epoch_samples(Order(tuple(groups), window, seed), epoch)
    for position in range(0, len(samples), 7):
        window_index = order.window_at(epoch, position)
        held = order.read_window(epoch, window_index)
        assert held.first <= position < held.first + len(held.rows)


def test_order_is_that_of_the_dataset_without_a_seed() -> None:
    assert epoch_samples(Order((5, 3, 4), 2, None), 3) == list(range(12))


def test_order_differs_between_epochs_and_seeds() -> None:
    first = epoch_samples(Order((100,), 1, 1), 0)

    assert first != epoch_samples(Order((100,), 1, 1), 1)
    assert first != epoch_samples(Order((100,), 1, 2), 0)


def test_order_stays_what_it_was_when_runs_were_saved() -> None:
    """Frozen: another order would break the resume of every saved run."""
    assert epoch_samples(Order((4, 4, 2), 2, 7), 1) == [9, 8, 5, 6, 7, 4, 1, 0, 2, 3]
    assert mix(1, 2, 3) == 0xD0734750FDE362B3


@pytest.mark.parametrize("size", [10, 1000])
def test_shuffled_moves_samples_evenly(size: int) -> None:
    """Over many shuffles, the mean position of each number is near the middle."""
    numbers = np.arange(size)
    positions = np.mean([np.argsort(shuffled(numbers, 5, key)) for key in range(400)], axis=0)

    assert abs(positions - (size - 1) / 2).max() < 0.11 * size


@given(num_samples=st.integers(1, 3000), batch_size=st.integers(1, 400), slices=st.integers(1, 16))
def test_batches_cover_an_epoch_without_an_empty_slice(
    num_samples: int, batch_size: int, slices: int
) -> None:
    if num_samples < slices or batch_size < slices:
        return  # the plan refuses these
    batches = Batches(num_samples, batch_size, slices)

    bounds = [
        batches.slice(step, index)
        for step in range(batches.steps_per_epoch)
        for index in range(slices)
    ]

    assert [low for low, _ in bounds] == [0, *(high for _, high in bounds[:-1])]
    assert bounds[-1][1] == num_samples
    assert min(high - low for low, high in bounds) == batches.smallest_slice >= 1
