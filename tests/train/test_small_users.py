"""Small users of every seam: each is a job file that trains, resumes, and gives the same bits."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distnet.launch.plan import make_plan
from distnet.run_folder.assignment import Assignment
from distnet.spec.read import JobFile, read_job
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.needs import REAL_DATA_FOLDER, real_data
from tests.train.processes import run_workers
from tests.train.test_bits import bits
from tests.train.users.datasets import make

USERS = Path(__file__).parent / "users"
JOBS = sorted(USERS.glob("*.yaml"))
NAMES = [path.stem for path in JOBS]
NEEDS = {"faces": "orl-faces.tar.xz", "language": "tinyshakespeare.txt.gz"}
"""The real data that a user needs."""
SAVED = 5


def test_all_users_are_found() -> None:
    assert NAMES == ["cartpole", "denoiser", "faces", "gan", "language", "scenes"]


def has_data(name: str) -> bool:
    return name not in NEEDS or (REAL_DATA_FOLDER / NEEDS[name]).exists()


def require_data(name: str) -> None:
    if name in NEEDS:
        real_data(NEEDS[name])


def read(path: Path, folder: Path) -> JobFile:
    """The job of a user; a dataset that does not ship is made in `folder`."""
    file = read_job(path)
    source = file.job.data.source
    if source in (None, "mnist"):
        return file
    return read_job(path, overrides=(f"data.source={make(source, folder / source)}",))


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
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, JobFile]:
    """The job of each user whose data is here, by its name."""
    folder = tmp_path_factory.mktemp("datasets")
    return {path.stem: read(path, folder) for path in JOBS if has_data(path.stem)}


@pytest.fixture(scope="module")
def trained(
    files: dict[str, JobFile], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, int], tuple[Path, Any]]:
    """The run and the bits of each user on 1, 2 and 3 workers; all in one set of processes."""
    folder, found = tmp_path_factory.mktemp("users"), {}
    for size in (1, 2, 3):
        runs = {name: folder / f"{name}-{size}" for name in files}
        assigned = [assign(file, runs[name]) for name, file in files.items()]
        outcomes = zip(*run_workers(train_all, size, folder, assigned), strict=True)
        for (name, run), of_workers in zip(runs.items(), outcomes, strict=True):
            found[name, size] = run, bits(list(of_workers), run)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_bits_are_the_same_on_1_2_and_3_workers(name: str, trained: dict[Any, Any]) -> None:
    require_data(name)
    (_, alone), (_, two), (_, three) = (trained[name, size] for size in (1, 2, 3))

    assert len(alone[0]) == 1
    assert alone == two == three


@pytest.mark.parametrize("name", NAMES)
def test_bits_are_the_same_after_a_resume_on_other_workers(
    name: str, files: dict[str, JobFile], trained: dict[Any, Any], tmp_path: Path
) -> None:
    require_data(name)
    (run, whole), saved = trained[name, 3], f"checkpoints/step-{SAVED:08d}"
    shutil.copytree(run / saved, tmp_path / saved)

    resumed = work(assign(files[name], tmp_path, is_resumed=True), WorkerGroup())

    assert bits([resumed], tmp_path) == whole


@pytest.mark.parametrize("name", NAMES)
def test_the_metrics_of_a_user_are_declared_and_measured(
    name: str, trained: dict[Any, Any]
) -> None:
    require_data(name)
    run, (_, metrics, _, _) = trained[name, 1]
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    (begun,) = (record for record in records if record["kind"] == "attempt")
    steps = [record for record in records if record["kind"] == "step"]

    headline = begun["metrics"][0]["name"]
    assert f"{begun['split']}_{headline}" in metrics
    assert json.loads((run / "evaluation.json").read_text())["metrics"][headline] is not None
    assert steps
    assert all(math.isfinite(record["loss"]) for record in steps)


def test_what_a_network_makes_is_in_the_report_of_its_run(trained: dict[Any, Any]) -> None:
    (one, _), (three, _) = trained["gan", 1], trained["gan", 3]
    titles = [f["title"] for f in json.loads((one / "evaluation.json").read_text())["figures"]]
    forged = [np.load(run / "pictures.npz")["forged"] for run in (one, three)]

    assert "Forged digits" in titles
    assert forged[0].shape == (8, 1, 28, 28)
    assert np.array_equal(*forged)
