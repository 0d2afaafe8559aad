"""Small users of every seam: each is a job file that trains, resumes, and gives the same bits."""

import json
from pathlib import Path

import numpy as np
import pytest

from distnet.spec.read import read_job
from tests.needs import REAL_DATA_FOLDER, real_data
from tests.train.small_runs import Planned, SmallRun, planned, resume, run_all
from tests.train.users.datasets import make

Trained = dict[int, dict[str, SmallRun]]
"""By the number of workers, and the name of the job."""

USERS = Path(__file__).parent / "users"
JOBS = sorted(USERS.glob("*.yaml"))
NAMES = [path.stem for path in JOBS]
NEEDS = {"faces": "orl-faces.tar.xz", "language": "tinyshakespeare.txt.gz"}
"""The real data that a user needs."""
SAVED = 5


def test_all_users_are_found() -> None:
    assert NAMES == ["cartpole", "deep-q", "denoiser", "faces", "gan", "language", "scenes"]


def has_data(name: str) -> bool:
    return name not in NEEDS or (REAL_DATA_FOLDER / NEEDS[name]).exists()


def require_data(name: str) -> None:
    if name in NEEDS:
        real_data(NEEDS[name])


def read(path: Path, folder: Path) -> Planned:
    """The job of a user; a dataset that does not ship is made in `folder`."""
    source = read_job(path).job.data.source
    if source in (None, "mnist"):
        return planned(path)
    return planned(path, f"data.source={make(source, folder / source)}")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Planned]:
    """The job of each user whose data is here, by its name."""
    folder = tmp_path_factory.mktemp("datasets")
    return {path.stem: read(path, folder) for path in JOBS if has_data(path.stem)}


@pytest.fixture(scope="module")
def trained(
    files: dict[str, Planned], tmp_path_factory: pytest.TempPathFactory
) -> dict[int, dict[str, SmallRun]]:
    """The run of each user on 1, 2 and 3 workers."""
    folder = tmp_path_factory.mktemp("users")
    return {size: run_all(size, files, folder) for size in (1, 2, 3)}


@pytest.mark.parametrize("name", NAMES)
def test_bits_are_the_same_on_1_2_and_3_workers(name: str, trained: Trained) -> None:
    require_data(name)
    alone, two, three = (trained[size][name] for size in (1, 2, 3))

    assert len(alone.bits[0]) == 1
    assert alone.bits == two.bits == three.bits
    assert alone.losses() == two.losses() == three.losses()


@pytest.mark.parametrize("name", NAMES)
def test_bits_are_the_same_after_a_resume_on_other_workers(
    name: str, files: dict[str, Planned], trained: Trained, tmp_path: Path
) -> None:
    require_data(name)
    whole = trained[3][name]

    resumed = resume(files[name], whole, SAVED, tmp_path)

    assert resumed.bits == whole.bits
    assert resumed.losses() == whole.losses(after=SAVED)


@pytest.mark.parametrize("name", NAMES)
def test_the_metrics_of_a_user_are_declared_and_measured(name: str, trained: Trained) -> None:
    require_data(name)
    trained[1][name].require_measured()


def test_what_a_network_makes_is_in_the_report_of_its_run(trained: Trained) -> None:
    one, three = (trained[size]["gan"].folder for size in (1, 3))
    titles = [f["title"] for f in json.loads((one / "evaluation.json").read_text())["figures"]]
    forged = [np.load(run / "pictures.npz")["forged"] for run in (one, three)]

    assert "Forged digits" in titles
    assert forged[0].shape == (8, 1, 28, 28)
    assert np.array_equal(*forged)
