"""Sizes, with a fake of the machines alone: what they would answer."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from distnet.errors import NotEnoughResourcesError, StoppedError
from distnet.launch import sizing
from distnet.launch.sizing import Size, choose_workers


@dataclass
class FakeMachines:
    """Says what room there is; `free` is what it answers one time after the other."""

    is_shared: bool = True
    total: int = 4
    free: list[int] = field(default_factory=lambda: [4])

    def room(self) -> int:
        return self.total

    def free_workers(self) -> int:
        return self.free.pop(0) if len(self.free) > 1 else self.free[0]

    def describe_room(self, workers: int) -> str:
        return f"there is no room for {workers}"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(sizing, "SETTLED_AFTER_S", 0.05)
    monkeypatch.setattr(sizing, "LOOKED_AT_EVERY_S", 0.01)


def choose(machines: Any, size: Size, **changes: Any) -> int:
    options: dict[str, Any] = {"is_first": True, "wait_s": 5.0, "tell": lambda _: None}
    return choose_workers(machines, size, **(options | {"is_stopped": bool} | changes))


def test_as_many_as_fit_are_taken():
    assert choose(FakeMachines(free=[3]), Size(1, 4)) == 3


def test_what_an_attempt_has_just_given_back_is_waited_for():
    assert choose(FakeMachines(free=[1, 1, 4]), Size(1, 4)) == 4


def test_what_can_never_fit_is_refused_at_once():
    with pytest.raises(NotEnoughResourcesError, match="no room for 5"):
        choose(FakeMachines(), Size(5, 5), wait_s=1e9)


def test_machines_that_were_lost_may_come_back():
    machines = FakeMachines(total=1, free=[1] * 20 + [2])
    told: list[str] = []

    assert choose(machines, Size(2, 2), is_first=False, tell=told.append) == 2
    assert told == ["waiting for room: 1 of 2 workers fit into what is free now"]


def test_the_wait_for_room_is_bounded():
    with pytest.raises(NotEnoughResourcesError, match=r"no room for 2 workers came"):
        choose(FakeMachines(free=[1]), Size(2, 2), wait_s=0.1)


def test_a_stop_ends_the_wait_for_room():
    with pytest.raises(StoppedError):
        choose(FakeMachines(free=[1]), Size(2, 2), wait_s=1e9, is_stopped=lambda: True)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (Size(1, 8), 4),
        (Size(6, 8), 6),
        (Size(8, 8), 8),
        (Size(1, 8).asked_for(3), 3),
        (Size(2, 2).asked_for(6), 6),
    ],
)
def test_on_a_ray_of_our_own_the_cores_count_unless_the_number_was_asked_for(size, expected):
    assert choose(FakeMachines(is_shared=False), size) == expected
