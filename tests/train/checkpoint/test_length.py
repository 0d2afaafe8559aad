"""A run that is resumed with another number of steps: what becomes of its learning rate."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distnet.train.checkpoint.checkpoint import read_newest, write_checkpoint
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.test_bits import assignment

JOB = """
name: longer
network: {kind: mlp, hidden: [4]}
data: {source: stripes}
optimizer: {kind: adam, learning_rate: 0.01}
schedule: SCHEDULE
train: {steps: STEPS, batch_size: 30, seed: 3}
checkpoint: {every_steps: 1, keep: 100}
"""


def text(schedule: str, steps: int) -> str:
    return JOB.replace("SCHEDULE", schedule).replace("STEPS", str(steps))


def records(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [record for record in lines if record["kind"] == kind]


def resumed(run: Path, data: Path, schedule: str, *steps: int) -> list[str]:
    """Train to the first number of steps, then to the others; returns the notes."""
    work(assignment(text(schedule, steps[0]), data, run), WorkerGroup())
    for number in steps[1:]:
        work(assignment(text(schedule, number), data, run, is_resumed=True), WorkerGroup())
    return [record["text"] for record in records(run, "note")]


def test_a_longer_run_says_how_its_learning_rate_jumps(stripes: Path, tmp_path: Path) -> None:
    notes = resumed(tmp_path, stripes, "{kind: cosine, final: 0.1}", 4, 8)

    rates = [record["learning_rate"] for record in records(tmp_path, "step")]
    assert rates[3] == pytest.approx(0.00232, abs=1e-5)
    assert rates[4] == pytest.approx(0.0055)
    (note,) = notes
    assert note.startswith("the run now has 8 steps instead of 4, and its cosine schedule")
    assert "jumps from 0.00232 at step 4 to 0.0055 at step 5" in note


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [
        ("{kind: constant, warmup: 0.25}", (4, 8)),
        ("{kind: cosine}", (4, 4)),
    ],
)
def test_a_rate_that_does_not_jump_needs_no_note(
    schedule: str, steps: tuple[int, int], stripes: Path, tmp_path: Path
) -> None:
    assert resumed(tmp_path, stripes, schedule, *steps) == []


def test_a_run_that_is_already_longer_says_that_nothing_was_trained(
    stripes: Path, tmp_path: Path
) -> None:
    [note] = resumed(tmp_path, stripes, "{kind: cosine}", 4, 2)

    assert note == "the run has made 4 steps, and the job now has 2: nothing was trained"


def test_a_checkpoint_of_an_older_version_is_read(stripes: Path, tmp_path: Path) -> None:
    new, old, schedule = tmp_path / "new", tmp_path / "old", "{kind: cosine}"
    for run in (new, old):
        work(assignment(text(schedule, 4), stripes, run), WorkerGroup())
    state = read_newest(old / "checkpoints")
    facts = dict(state.facts)
    assert (facts.pop("num_steps"), facts.pop("updates")) == (4, {"network": 4})
    (old / "checkpoints").rename(old / "before")
    write_checkpoint(old / "checkpoints", replace(state, facts=facts))

    ends = [
        work(assignment(text(schedule, 6), stripes, run, is_resumed=True), WorkerGroup())
        for run in (new, old)
    ]

    assert ends[0]["steps"] == ends[1]["steps"] == 6
    assert ends[0]["weights_sha256"] == ends[1]["weights_sha256"]
    assert [len(records(run, "note")) for run in (new, old)] == [1, 0]
