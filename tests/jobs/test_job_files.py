"""Every job file of `jobs/`: it trains, its loss falls, and the workers change no bit."""

import re
import statistics
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import pytest
from safetensors.torch import save_file

from distnet.spec.parts import shipped_datasets
from distnet.spec.read import read_job
from distnet.spec.sections.start import Start
from distnet.train.checkpoint.checkpoint import read_newest
from tests.cli.command_lines import command_lines, require_accepted
from tests.jobs.small import DOES_NOT_FALL, FALLS, SMALL
from tests.train.small_runs import Planned, SmallRun, planned, resume, run_all, run_alone

JOBS = Path(__file__).parents[2] / "jobs"
NAMES = sorted(path.stem for path in JOBS.glob("*.yaml"))
SAVED = 2
"""Steps between checkpoints."""
HEADER = {
    "the command that runs it": r"distnet run jobs/{name}\.yaml",
    "the baseline": r"(?i)\bbaselines?\b",
    "the time it takes": r"(?i)\d (s|seconds?|min|minutes?)\b",
}
"""What the comment at the top of each job file has."""
DATA = {"the licence of the data": r"(?i)\blicen[cs]e\b|\bCC[ -](BY|0)|public domain"}
FETCH = {"the command that fetches the data": "distnet data fetch"}

Jobs = dict[str, Planned | BaseException]
"""Each job file that is tested, made small; or why it cannot be, such as data that is not here."""


def test_all_job_files_are_found_and_made_small() -> None:
    assert list(SMALL) == NAMES
    assert sorted([*FALLS, *DOES_NOT_FALL]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_comment_at_the_top_says_how_and_from_what_it_learns(name: str) -> None:
    source = read_job(job_file(name)).job.data.source
    rules = HEADER | (DATA if source else {})
    if source not in (None, *shipped_datasets()):
        rules |= FETCH

    missing = [
        what for what, rule in rules.items() if not re.search(rule.format(name=name), header(name))
    ]

    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_at_the_top_are_accepted(name: str) -> None:
    for words in command_lines("\n".join(header_lines(name))):
        require_accepted(words)
        if words[:2] == ["data", "fetch"]:
            assert read_job(job_file(name)).job.data.source == f"../datasets/{words[2]}"


@pytest.mark.parametrize("name", NAMES)
def test_a_job_file_trains_and_is_measured(name: str, trained: "Trained") -> None:
    trained(name, 2).require_measured()


@pytest.mark.check
@pytest.mark.parametrize("name", NAMES)
def test_workers_change_no_bit(name: str, trained: "Trained") -> None:
    alone, two, three = (trained(name, size) for size in (1, 2, 3))

    assert len(alone.bits[0]) == 1
    assert alone.bits == two.bits == three.bits
    assert alone.losses() == two.losses() == three.losses()


@pytest.mark.check
@pytest.mark.parametrize("name", NAMES)
def test_a_resume_on_other_workers_changes_no_bit(
    name: str, jobs: Jobs, trained: "Trained", tmp_path: Path
) -> None:
    whole = trained(name, 3)

    resumed = resume(ready(jobs[name]), whole, SAVED, tmp_path)

    assert resumed.bits == whole.bits
    assert resumed.losses() == whole.losses(after=SAVED)


@pytest.mark.check
@pytest.mark.parametrize("name", list(FALLS))
def test_the_loss_falls(name: str, datasets: "Datasets", tmp_path: Path) -> None:
    run = run_alone(datasets.plan(name, *FALLS[name]), tmp_path)

    run.require_measured()
    losses = [record["loss"] for record in run.losses()]
    third = len(losses) // 3
    assert statistics.mean(losses[-third:]) < statistics.mean(losses[:third])


class Datasets:
    """The datasets of the job files, made small, each of them once; and weights to start with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def plan(self, name: str, *more: str) -> Planned:
        """Plan a job file with what makes it small, and `more` settings."""
        saves = (f"checkpoint.every_steps={SAVED}", "checkpoint.keep=100")
        job = read_job(job_file(name)).job
        source = job.data.source
        data = () if source is None else (f"data.source={self._make(Path(source).name)}",)
        start = () if job.start is None else (f"start.weights={self._weights(job.start)}",)
        return planned(job_file(name), *SMALL[name], *saves, *data, *start, *more)

    def _make(self, name: str) -> Path:
        folder = self._folder / name
        if not (folder / "manifest.json").exists():
            import_module(f"tests.jobs.datasets.{name.replace('-', '_')}").make(folder)
        return folder

    def _weights(self, start: Start) -> Path:
        """The weights of a short run of the job file whose run is named: `../runs/digits-1`."""
        run = Path(start.weights).name
        file = self._folder / f"{run}.safetensors"
        if not file.exists():
            small = run_alone(self.plan(run.rpartition("-")[0]), self._folder / run)
            save_file(read_newest(small.folder / "checkpoints").weights, file)
        return file


Trained = Callable[[str, int], SmallRun]
"""The run of a job file on a number of workers; all job files are trained together."""


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Datasets:
    return Datasets(tmp_path_factory.mktemp("datasets"))


@pytest.fixture(scope="module")
def jobs(request: pytest.FixtureRequest, datasets: Datasets) -> Jobs:
    return {name: plan_or_error(datasets, name) for name in selected(request)}


@pytest.fixture(scope="module")
def trained(jobs: Jobs, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("jobs")
    usable = {name: job for name, job in jobs.items() if isinstance(job, Planned)}

    @cache
    def of_size(size: int) -> dict[str, SmallRun]:
        return run_all(size, usable, folder)

    def of(name: str, size: int) -> SmallRun:
        ready(jobs[name])
        return of_size(size)[name]

    return of


def plan_or_error(datasets: Datasets, name: str) -> Planned | BaseException:
    try:
        return datasets.plan(name)
    except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
        return error


def ready(job: Planned | BaseException) -> Planned:
    """The plan of a job; fails or skips the test where there is none."""
    if isinstance(job, BaseException):
        raise job
    return job


def selected(request: pytest.FixtureRequest) -> list[str]:
    """The job files whose tests are to run."""
    items = [item for item in request.session.items if item.path == request.path]
    return sorted({item.callspec.params["name"] for item in items if hasattr(item, "callspec")})


def header(name: str) -> str:
    """The comment at the top of a job file, as one line."""
    return " ".join(line.lstrip("# ") for line in header_lines(name))


def header_lines(name: str) -> list[str]:
    lines = job_file(name).read_text().splitlines()
    return list(takewhile(lambda line: line.startswith("#"), lines))


def job_file(name: str) -> Path:
    return JOBS / f"{name}.yaml"
