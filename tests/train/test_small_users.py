"""Small users of every seam: each is a job file that trains, resumes, and gives the same bits."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from distnet.launch.plan import make_plan
from distnet.run_folder.assignment import Assignment
from distnet.spec.read import JobFile, read_job
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.processes import run_workers
from tests.train.test_bits import bits

USERS = Path(__file__).parent / "users"
DATASETS: dict[str, Any] = {}
"""What makes the dataset of a user that needs one of its own, by the name of its job."""
JOBS = sorted(USERS.glob("*.yaml"))
SAVED = 5


def test_all_users_are_found() -> None:
    assert [path.stem for path in JOBS] == ["cartpole", "denoiser", "gan"]


def assign(file: JobFile, run: Path, *, is_resumed: bool = False) -> Assignment:
    plan = make_plan(file)
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    return Assignment(
        job=file.job.resolved(),
        job_folder=plan.job_folder,
        dataset=plan.dataset,
        run=str(run),
        is_resumed=is_resumed,
        attempt=2 if is_resumed else 1,
    )


def train_all(group: WorkerGroup, assigned: list[Assignment]) -> list[dict[str, Any]]:
    return [work(each, group) for each in assigned]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Any]:
    """The bits of each user on 1, 2 and 3 workers; all users in one set of processes."""
    folder, found = tmp_path_factory.mktemp("users"), {}
    for size in (1, 2, 3):
        runs = {path.stem: folder / f"{path.stem}-{size}" for path in JOBS}
        assigned = [assign(read_job(path), runs[path.stem]) for path in JOBS]
        outcomes = zip(*run_workers(train_all, size, folder, assigned), strict=True)
        for (name, run), of_workers in zip(runs.items(), outcomes, strict=True):
            found[name, size] = run, bits(list(of_workers), run)
    return found


@pytest.mark.parametrize("name", [path.stem for path in JOBS])
def test_bits_are_the_same_on_1_2_and_3_workers(name: str, trained: dict[Any, Any]) -> None:
    (_, alone), (_, two), (_, three) = (trained[name, size] for size in (1, 2, 3))

    assert len(alone[0]) == 1
    assert alone == two == three


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_bits_are_the_same_after_a_resume_on_other_workers(
    path: Path, trained: dict[Any, Any], tmp_path: Path
) -> None:
    (run, whole), name = trained[path.stem, 3], f"checkpoints/step-{SAVED:08d}"
    shutil.copytree(run / name, tmp_path / name)

    resumed = work(assign(read_job(path), tmp_path, is_resumed=True), WorkerGroup())

    assert bits([resumed], tmp_path) == whole


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_the_metrics_of_a_user_are_declared_and_measured(
    path: Path, trained: dict[Any, Any]
) -> None:
    run, (_, metrics, _, _) = trained[path.stem, 1]
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    (begun,) = (record for record in records if record["kind"] == "attempt")
    steps = [record for record in records if record["kind"] == "step"]

    headline = begun["metrics"][0]["name"]
    assert f"{begun['split']}_{headline}" in metrics
    assert json.loads((run / "evaluation.json").read_text())["metrics"][headline] is not None
    assert all(record["loss"] == record["loss"] for record in steps)
