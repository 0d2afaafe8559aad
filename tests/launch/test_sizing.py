"""The number of workers, with only the machines faked."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from distnet.errors import NotEnoughResourcesError, StoppedError
from distnet.launch import sizing
from distnet.launch.sizing import WorkerRange, choose_workers


@dataclass
class FakeMachines:
    """Has a capacity; `free` are the successive numbers of free workers."""

    is_shared: bool = True
    total: int = 4
    free: list[int] = field(default_factory=lambda: [4])

    def capacity(self) -> int:
        return self.total

    def free_workers(self) -> int:
        return self.free.pop(0) if len(self.free) > 1 else self.free[0]

    def describe_shortage(self, workers: int) -> str:
        return f"too small for {workers}"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(sizing, "SETTLED_AFTER_S", 0.05)
    monkeypatch.setattr(sizing, "POLL_S", 0.01)


def choose(machines: Any, limits: WorkerRange, **changes: Any) -> int:
    options: dict[str, Any] = {"is_first": True, "wait_s": 5.0, "emit": lambda _: None}
    return choose_workers(machines, limits, **(options | {"is_stopped": bool} | changes))


def test_as_many_as_fit_are_taken():
    assert choose(FakeMachines(free=[3]), WorkerRange(1, 4)) == 3


def test_resources_that_an_attempt_has_just_released_is_waited_for():
    assert choose(FakeMachines(free=[1, 1, 4]), WorkerRange(1, 4)) == 4


def test_what_can_never_fit_is_refused_at_once():
    with pytest.raises(NotEnoughResourcesError, match="too small for 5"):
        choose(FakeMachines(), WorkerRange(5, 5), wait_s=1e9)


def test_machines_that_were_lost_may_come_back():
    machines = FakeMachines(total=1, free=[1] * 20 + [2])
    emitted: list[str] = []

    assert choose(machines, WorkerRange(2, 2), is_first=False, emit=emitted.append) == 2
    assert emitted == ["waiting for free resources: 1 of 2 workers fit now"]


def test_the_wait_for_resources_is_bounded():
    with pytest.raises(
        NotEnoughResourcesError, match=r"resources for 2 workers did not become free"
    ):
        choose(FakeMachines(free=[1]), WorkerRange(2, 2), wait_s=0.1)


def test_a_stop_ends_the_wait_for_resources():
    with pytest.raises(StoppedError):
        choose(FakeMachines(free=[1]), WorkerRange(2, 2), wait_s=1e9, is_stopped=lambda: True)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (WorkerRange(1, 8), 4),
        (WorkerRange(6, 8), 6),
        (WorkerRange(8, 8), 8),
        (WorkerRange(1, 8).requested(3), 3),
        (WorkerRange(2, 2).requested(6), 6),
    ],
)
def test_on_a_private_ray_the_cores_count_unless_the_number_was_requested(limits, expected):
    assert choose(FakeMachines(is_shared=False), limits) == expected
