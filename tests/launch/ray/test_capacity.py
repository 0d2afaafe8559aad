"""The placement that a server gave, and how many workers fit there."""

import pytest

from distnet.launch.placement import ANYWHERE, fewer
from distnet.launch.ray.capacity import Needs, _slots

NODES = {"a": {"CPU": 8.0}, "b": {"CPU": 3.0}, "c": {"CPU": 8.0, "GPU": 1.0}}


@pytest.mark.parametrize(
    ("placement", "cpus", "gpus", "expected"),
    [
        (ANYWHERE, 2, 0, {"a": 4, "b": 1, "c": 4}),
        (ANYWHERE, 1, 1, {"a": 0, "b": 0, "c": 1}),
        ({"a": 2}, 2, 0, {"a": 2}),
        ({"a": 2, "b": 2}, 2, 0, {"a": 2, "b": 1}),
        ({"a": 2, "gone": 2}, 1, 0, {"a": 2, "gone": 0}),
    ],
)
def test_no_node_takes_more_than_it_has_or_was_given(placement, cpus, gpus, expected):
    assert _slots(NODES, Needs(cpus, gpus), placement) == expected


@pytest.mark.parametrize(
    ("placement", "workers", "expected"),
    [
        ({"a": 2, "b": 1, "c": 4}, 6, {"c": 4, "a": 2}),
        ({"a": 2, "b": 1, "c": 4}, 5, {"c": 4, "a": 1}),
        ({"a": 2, "b": 1, "c": 4}, 1, {"c": 1}),
        ({"b": 1, "a": 1}, 1, {"a": 1}),
        ({"a": 2}, 5, {"a": 2}),
    ],
)
def test_fewer_workers_leave_nodes_free(placement, workers, expected):
    assert fewer(placement, workers) == expected
