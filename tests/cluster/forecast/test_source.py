"""A pace is read from a run whose workers were on one machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from distnet.cluster.forecast.source import read_source
from distnet.errors import DistnetError
from distnet.run_folder.paths import RunFolder
from tests.cluster.forecast.paces import make_job

PLAN = {
    "batch_size": 64,
    "slices": 16,
    "steps": 100,
    "epochs": 2.0,
    "device": "cpu",
    "num_parameters": 1000,
    "slices_per_worker": [[0, 8], [8, 16]],
    "memory_bytes": {"gradients": 4 * 1033 * (8 + 2)},
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "paced-1"
    (folder / "heartbeats").mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(PLAN))
    write_records(folder, workers=2)
    return folder.parent


def write_records(folder: Path, *, workers: int) -> None:
    attempt: dict[str, Any] = {"kind": "attempt", "attempt": 1, "workers": workers, "slices": 16}
    steps = [
        {"kind": "step", "attempt": 1, "step": n, "loss": 1.0, "samples_per_second": speed}
        for n, speed in ((1, 1.0), (10, 3200.0), (20, 3200.0), (30, 3100.0))
    ]
    lines = [json.dumps(record) for record in (attempt, *steps)]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")


def write_nodes(folder: Path, *nodes: str) -> None:
    for rank, node in enumerate(nodes):
        RunFolder(folder).node(rank).write_text(node)


def test_a_step_is_shared_out_among_the_slices_of_a_worker(runs: Path) -> None:
    write_nodes(runs / "paced-1", "a", "a")

    pace, source = read_source("paced-1", runs, make_job())

    assert source == "as in run paced-1"
    assert pace.slice_s == pytest.approx(64 / 3200 / 8)  # 20 ms for 8 slices
    assert pace.row_lengths == ((1033, 1),)
    assert (pace.busy, pace.steps, pace.rest_s) == (2, 100, 0)


def test_a_run_over_several_machines_is_refused(runs: Path) -> None:
    write_nodes(runs / "paced-1", "a", "b")

    with pytest.raises(DistnetError, match="found no attempt on one machine"):
        read_source("paced-1", runs, make_job())
