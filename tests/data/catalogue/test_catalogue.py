"""The catalogue: one entry for each data set that a shipped job file needs."""

import re
import shlex
from collections import defaultdict
from itertools import takewhile
from pathlib import Path

import pytest

from distnet.data.catalogue.entry import NOT_STATED
from distnet.data.catalogue.names import names
from distnet.data.catalogue.origin import origin_of
from distnet.data.catalogue.read import read_catalogue, read_entry
from distnet.data.download.raw import bring
from distnet.data.download.unpack import is_tar
from distnet.errors import DataError
from distnet.spec.parts import shipped_datasets
from distnet.spec.read import read_job
from tests.cli.command_lines import command_lines, require_accepted
from tests.needs import real_data

JOBS = Path(__file__).parents[3] / "jobs"
SHA256 = re.compile("[0-9a-f]{64}")
SMALL = ("chorales", "multi30k-de-en", "shakespeare", "sst2")
"""Data sets whose raw files are unpacked in no time."""


def sources() -> dict[str, set[str]]:
    """The data sources of the shipped job files that have to be fetched, and whose they are."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in JOBS.glob("*.yaml"):
        source = read_job(path).job.data.source
        if source not in (None, *shipped_datasets()):
            found[str(source)].add(path.stem)
    return found


def header(job: str) -> str:
    lines = (JOBS / f"{job}.yaml").read_text().splitlines()
    return "\n".join(takewhile(lambda line: line.startswith("#"), lines))


def test_every_data_set_of_a_job_file_has_an_entry_that_names_its_job_files() -> None:
    entries = {f"../datasets/{entry.name}": set(entry.jobs) for entry in read_catalogue()}
    assert entries == sources()


@pytest.mark.parametrize("name", names())
def test_the_job_files_say_how_to_fetch_it_and_its_licence(name: str) -> None:
    entry = read_entry(name)
    for job in entry.jobs:
        assert ["data", "fetch", name] in list(command_lines(header(job)))
        stated = "no licence|no stated licence" if entry.licence == NOT_STATED else entry.licence
        assert re.search(stated, " ".join(header(job).replace("#", " ").split()))


@pytest.mark.parametrize("name", names())
def test_the_command_that_imports_it_is_accepted(name: str) -> None:
    entry = read_entry(name)
    raw, out = Path("datasets/raw") / name, Path("datasets") / name
    words = shlex.split(entry.import_command(raw, out))
    require_accepted(words[1:])
    assert words[3:] == entry.import_arguments(raw, out)


@pytest.mark.parametrize("name", names())
def test_its_files_are_bounded_verified_and_encrypted_on_the_way(name: str) -> None:
    entry = read_entry(name)
    origin = origin_of(entry, None)
    for download in origin.downloads:
        assert download.address.startswith("https://")
        assert download.most_bytes <= 2 * entry.num_bytes
    content = [] if entry.archive is None else [entry.archive.content.sha256]
    sums = [download.sha256 for download in origin.downloads if download.sha256] + content
    assert sums
    assert all(SHA256.fullmatch(found) for found in sums)
    # What has no sha256 of its own is named by the commit that holds it.
    assert entry.is_exact or re.search("/[0-9a-f]{40}[./]", entry.address)
    assert (entry.archive is None) == bool(entry.files)
    assert is_tar(Path(entry.mirror.file)) or len(entry.files) == 1
    assert entry.source == "" or entry.needs(entry.source)


@pytest.mark.parametrize(
    "name",
    [
        name if name in SMALL else pytest.param(name, marks=pytest.mark.check)
        for name in names()
        if name != "emoji"  # what is here of it is not what its publisher has
    ],
)
def test_the_sha256_are_those_of_the_real_files(name: str, tmp_path: Path) -> None:
    entry = read_entry(name)
    bring(entry, tmp_path / "raw", mirror=str(real_data(entry.mirror.file).parent))
    found = [path for path in (tmp_path / "raw").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in found) == entry.raw_bytes


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ss2", "did you mean sst2?"),
        ("../cells", "did you mean cells?"),
        ("nothing-like-it", "expected babi, cells, chorales, cifar10, emoji, "),
    ],
)
def test_another_name_suggests_the_nearest(name: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read_entry(name)
