"""Twenty random grows and shrinks in one run: `make soak`.

Prints what each cost; the weights, the steps and the samples must be those of an undisturbed run.
"""

import json
import random
import statistics
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.report.audit import audit_run
from distnet.run_folder import control
from distnet.run_folder.paths import RunFolder

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]
JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
NUM_RESIZES = 20
STEPS_BETWEEN = 300
OVERRIDES = (f"train.steps={(NUM_RESIZES + 2) * STEPS_BETWEEN}",)
SEED = 7


class Changes:
    """Asks for another number of workers each time that training has come far enough."""

    def __init__(self, folder: RunFolder, workers: list[int]) -> None:
        self.folder, self.left = folder, workers
        self._attempt, self._next = 0, 0

    def __call__(self, record: dict[str, Any]) -> None:
        if record["kind"] == "attempt":
            self._attempt, self._next = record["attempt"], record["step"] + STEPS_BETWEEN // 2
            return
        is_mine = record["kind"] == "step" and record["attempt"] == self._attempt
        if is_mine and record["step"] >= self._next and self.left:
            self._attempt = -1  # until the next one begins
            control.resize(self.folder, self.left.pop(0), wait_s=None)


def draw(first: int) -> list[int]:
    """Numbers of workers from 1 to 4, each other than the one before."""
    source, drawn = random.Random(SEED), [first]
    while len(drawn) <= NUM_RESIZES:
        drawn.append(source.choice([n for n in range(1, 5) if n != drawn[-1]]))
    return drawn


def test_random_resizes_leave_no_trace_in_the_weights(tmp_path: Path) -> None:
    expected = distnet.run(JOB, inline=True, overrides=OVERRIDES, runs=tmp_path, name="whole")
    workers = draw(2)
    changes = Changes(RunFolder(tmp_path / "it"), workers[1:])

    run = distnet.run(
        JOB, workers=2, overrides=OVERRIDES, runs=tmp_path, name="it", listener=changes
    )

    found = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    attempts = [record for record in found if record["kind"] == "attempt"]
    ends = [record["step"] for record in found if record["kind"] == "end"]
    costs = sorted(record["seconds"] for record in found if record["kind"] == "restart")
    median, largest = statistics.median(costs), costs[-1]
    print(f"\nworkers {workers}; seconds: median {median:.1f}, largest {largest:.1f}")  # noqa: T201
    assert [record["workers"] for record in attempts] == workers
    assert [record["step"] for record in attempts] == [0, *ends[:-1]]
    assert run.result["weights_sha256"] == expected.result["weights_sha256"]
    assert audit_run(run.folder).is_clean
