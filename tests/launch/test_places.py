"""The places that a server gave, and how many workers fit there."""

import pytest

from distnet.launch.places import fewer
from distnet.launch.ray_room import ANYWHERE, _rooms

NODES = {"a": {"CPU": 8.0}, "b": {"CPU": 3.0}, "c": {"CPU": 8.0, "GPU": 1.0}}


@pytest.mark.parametrize(
    ("places", "cpus", "gpus", "expected"),
    [
        (ANYWHERE, 2, 0, {"a": 4, "b": 1, "c": 4}),
        (ANYWHERE, 1, 1, {"a": 0, "b": 0, "c": 1}),
        ({"a": 2}, 2, 0, {"a": 2}),
        ({"a": 2, "b": 2}, 2, 0, {"a": 2, "b": 1}),
        ({"a": 2, "gone": 2}, 1, 0, {"a": 2, "gone": 0}),
    ],
)
def test_no_node_takes_more_than_it_has_or_was_given(places, cpus, gpus, expected):
    assert _rooms(NODES, cpus, gpus, places) == expected


@pytest.mark.parametrize(
    ("places", "workers", "expected"),
    [
        ({"a": 2, "b": 1, "c": 4}, 6, {"c": 4, "a": 2}),
        ({"a": 2, "b": 1, "c": 4}, 5, {"c": 4, "a": 1}),
        ({"a": 2, "b": 1, "c": 4}, 1, {"c": 1}),
        ({"b": 1, "a": 1}, 1, {"a": 1}),
        ({"a": 2}, 5, {"a": 2}),
    ],
)
def test_fewer_workers_leave_nodes_free(places, workers, expected):
    assert fewer(places, workers) == expected
