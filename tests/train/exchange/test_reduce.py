"""The tree sum gives the same bits however the rows travel."""

from pathlib import Path

import pytest
import torch

from distnet.train.exchange.reduce import build_sum
from distnet.train.exchange.tree import SHORT_BYTES, Tree, additions, own_slices
from distnet.train.exchange.worker_group import WorkerGroup
from tests.train.exchange.strict import be_strict
from tests.train.processes import run_workers

SHORT, LONG = 1001, SHORT_BYTES // 4 + 4001


def row(step: int, index: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1000 * step + index)
    return torch.randn(length, generator=generator) * 10 ** (index % 5)


def expected(step: int, slices: int, length: int) -> torch.Tensor:
    def add(low: int, high: int) -> torch.Tensor:
        if high - low == 1:
            return row(step, low, length)
        middle = (low + high) // 2
        return add(low, middle) + add(middle, high)

    return add(0, slices)


def sum_steps(group: WorkerGroup, slices: int, length: int) -> list[bytes]:
    sums = build_sum(group, slices, length)
    totals = []
    for step in range(3):
        for index in own_slices(group.rank, group.size, slices):
            sums.rows[index].copy_(row(step, index, length))
            sums.add_own(index)
        totals.append(sums().numpy().tobytes())
    sums.close()
    return totals


@pytest.mark.parametrize("length", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    ("size", "slices", "hosts"),
    [
        (1, 4, ()),
        (2, 4, ()),
        (3, 4, ()),
        (3, 7, ()),
        (2, 4, ("a", "b")),
        (3, 4, ("a", "a", "b")),
        (4, 7, ("a", "b", "b", "c")),
    ],
)
def test_sum_has_the_trees_bits_on_any_workers_and_hosts(
    tmp_path: Path, size: int, slices: int, hosts: tuple[str, ...], length: int
) -> None:
    found = run_workers(sum_steps, size, tmp_path, slices, length, hosts=hosts)

    wanted = [expected(step, slices, length).numpy().tobytes() for step in range(3)]
    assert found == [wanted] * size


def sum_strictly(group: WorkerGroup, slices: int, length: int) -> list[bytes]:
    be_strict()
    return sum_steps(group, slices, length)


@pytest.mark.parametrize("length", [SHORT, LONG, 5], ids=["short", "long", "tiny"])
@pytest.mark.parametrize(("size", "slices"), [(2, 4), pytest.param(3, 7, marks=pytest.mark.check)])
def test_sum_between_gpus_has_the_trees_bits(
    tmp_path: Path, size: int, slices: int, length: int
) -> None:
    """Each GPU is a host of its own, and NCCL is stricter than gloo."""
    hosts = tuple("abcd"[:size])

    found = run_workers(sum_strictly, size, tmp_path, slices, length, hosts=hosts)

    wanted = [expected(step, slices, length).numpy().tobytes() for step in range(3)]
    assert found == [wanted] * size


def test_sum_leaves_no_shared_memory_behind(tmp_path: Path) -> None:
    before = set(Path("/dev/shm").glob("distnet-*"))

    run_workers(sum_steps, 2, tmp_path, 4, SHORT)

    assert set(Path("/dev/shm").glob("distnet-*")) == before


@pytest.mark.parametrize("slices", range(1, 20))
def test_tree_is_complete_for_any_division(slices: int) -> None:
    for workers in range(1, slices + 1):
        parts = tuple(own_slices(rank, workers, slices) for rank in range(workers))
        tree = Tree(slices, parts)
        inside = [addition for made in tree.inside for addition in made]

        assert [index for part in parts for index in part] == list(range(slices))
        assert sorted([*inside, *tree.across]) == sorted(additions(0, slices))
        assert len(tree.across) == sum(map(len, tree.roots)) - 1
