"""`distnet data fetch` and `distnet data list` as a user types them."""

import gzip
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from distnet.cli.main import main
from distnet.data.catalogue import names
from distnet.data.manifest import read_manifest
from tests.data.download.file_server import FileServer, Served, file_server
from tests.needs import real_data

JOBS = Path(__file__).parents[3] / "jobs"
TEXT = b"to be or not to be\n" * 400
ENTRY = """
title: a text
publisher: us
licence: CC0-1.0
page: https://a.example
verified: made here
jobs: [digits]
source: play.txt
options: --test-fraction 0.1
address: {address}/
num_bytes: {num_bytes}
files:
  play.txt: ed5a93b7ba5858006042b299c7ea137a44e17adde31bc820a972562e3e471bbc
mirror: {{file: play.txt.gz}}
"""
IMPORT = "distnet data import datasets/raw/play/play.txt datasets/play --test-fraction 0.1"


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A catalogue with one data set, its publisher, and an empty folder to work in."""
    (tmp_path / "entries").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(names, "ENTRIES", tmp_path / "entries")
    monkeypatch.delenv("DISTNET_DATA_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path / "home")
    with file_server() as server:
        server.files["play.txt"] = Served(TEXT)
        entry = ENTRY.format(address=server.address, num_bytes=len(TEXT))
        (tmp_path / "entries" / "play.yaml").write_text(entry)
        yield server


class Typed:
    """Types commands, and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> tuple[str, str]:
        assert main(["data", *words]) == code
        printed = self._capsys.readouterr()
        return printed.out, printed.err


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    return Typed(capsys)


def test_a_data_set_is_fetched_and_imported(publisher: FileServer, typed: Typed) -> None:
    out, err = typed("fetch", "play", "--yes")

    assert "text of up to" in out
    assert "licence: CC0-1.0\n" in err
    assert "download: 7.6 kB from 127.0.0.1\n" in err
    assert err.endswith("job files that need it: jobs/digits.yaml\n")
    assert Path("datasets/raw/play/play.txt").read_bytes() == TEXT
    manifest = read_manifest(Path("datasets/play"))
    assert (manifest.licence, set(manifest.splits)) == ("CC0-1.0", {"train", "test"})

    _, err = typed("fetch", "play")
    assert "datasets/play is here already" in err
    assert len(publisher.ranges) == 1


def test_it_asks_before(
    publisher: FileServer, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, err = typed("fetch", "play", code=2)
    assert "found no terminal to ask at, expected --yes" in err

    class FakeTerminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", FakeTerminal("n\n"))
    _, err = typed("fetch", "play", code=130)
    assert "go on? [y/N]" in err
    assert publisher.ranges == []


@pytest.mark.usefixtures("publisher")
def test_the_raw_files_alone(typed: Typed) -> None:
    out, _ = typed("fetch", "play", "--yes", "--no-import")
    assert out == f"{IMPORT} --licence CC0-1.0\n"
    assert not Path("datasets/play").exists()

    out, _ = typed("fetch", "play", "--no-import", "--json")
    assert json.loads(out) == {"raw": "datasets/raw/play", "import": f"{IMPORT} --licence CC0-1.0"}

    out, err = typed("fetch", "play", "--json")
    assert "datasets/raw/play is here already" in err
    assert json.loads(out)["dataset"] == "datasets/play"


def test_what_the_publisher_does_not_have_any_more(publisher: FileServer, typed: Typed) -> None:
    publisher.files.clear()
    out, err = typed("fetch", "play", "--yes", "--json", code=2)
    assert "play.txt: answers 404 Not Found" in err
    assert "by hand: get play.txt from https://a.example into datasets/raw/play, then run" in err
    assert json.loads(out)["error"]["type"] == "DownloadError"
    assert list(Path("datasets/raw").iterdir()) == []

    Path("datasets/raw/play").mkdir(parents=True)
    Path("datasets/raw/play/play.txt").write_bytes(TEXT)
    typed("fetch", "play")
    assert read_manifest(Path("datasets/play")).licence == "CC0-1.0"


def test_a_mirror_of_the_environment(
    publisher: FileServer, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.files = {"lab/play.txt.gz": Served(gzip.compress(TEXT))}
    monkeypatch.setenv("DISTNET_DATA_MIRROR", publisher.url("lab"))
    _, err = typed("fetch", "play", "--yes", "--datasets", "elsewhere")
    assert f"download: {publisher.url('lab')}\n" in err
    assert Path("elsewhere/raw/play/play.txt").read_bytes() == TEXT
    assert read_manifest(Path("elsewhere/play")).name == "play"


@pytest.mark.usefixtures("publisher")
def test_the_list_says_what_is_here(typed: Typed) -> None:
    def here() -> str:
        out, _ = typed("list", "play", "--json")
        return str(json.loads(out)["here"])

    head, row = typed("list")[0].splitlines()
    assert head.split() == ["NAME", "SIZE", "LICENCE", "HERE", "PUBLISHER", "JOB", "FILES", "PAGE"]
    assert row.split() == ["play", "7.6", "kB", "CC0-1.0", "us", "digits", "https://a.example"]
    assert here() == ""
    Path("datasets/raw/.play.partial").mkdir(parents=True)
    assert here() == "a part"
    typed("fetch", "play", "--yes", "--no-import")
    assert here() == "raw files"
    typed("fetch", "play")
    assert here() == "imported"
    assert "imported" in typed("list")[0]


def test_one_data_set_is_described(publisher: FileServer, typed: Typed) -> None:
    out, _ = typed("list", "play")
    assert f"addresses  {publisher.url('play.txt')}\n" in out
    assert "verified   made here\n" in out
    assert f"import     {IMPORT} --licence CC0-1.0\n" in out


def test_another_name_suggests_the_nearest(typed: Typed) -> None:
    for verb in ("fetch", "list"):
        _, err = typed(verb, "sst-2", code=2)
        assert "found no data set 'sst-2' in the catalogue, did you mean sst2?" in err


def test_a_job_file_whose_data_is_missing_says_how_to_fetch_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").mkdir()
    shutil.copy(JOBS / "sentiment-rnn.yaml", "jobs")
    assert main(["run", "jobs/sentiment-rnn.yaml", "--inline"]) == 2
    assert "datasets/sst2 is missing: distnet data fetch sst2\n" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "jobs")
    assert main(["run", "sentiment-rnn.yaml", "--inline"]) == 2
    command = f"distnet data fetch sst2 --datasets {tmp_path}/datasets\n"
    assert f"{tmp_path}/datasets/sst2 is missing: {command}" in capsys.readouterr().err


@pytest.mark.check
def test_it_goes_on_after_ctrl_c_and_after_a_kill(tmp_path: Path) -> None:
    data = real_data("jsb-chorales.json.gz").read_bytes()
    command = [sys.executable, "-m", "distnet.cli", "data", "fetch", "chorales", "--no-import"]
    part = tmp_path / "datasets/raw/.chorales.partial/jsb-chorales.json.gz.part"
    with file_server() as server:
        served = Served(data, breaks=[50_000, 20_000], stalls=Event())
        server.files["jsb-chorales.json.gz"] = served
        command += ["--yes", "--mirror", server.address]
        for signum, code, num_bytes in (
            (signal.SIGINT, 130, 50_000),
            (signal.SIGKILL, -signal.SIGKILL, 70_000),
        ):
            with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
                while run.poll() is None and size(part) < num_bytes:
                    time.sleep(0.05)
                run.send_signal(signum)
                _, err = run.communicate()
                assert run.returncode == code, err
                assert size(part) == num_bytes
            assert code != 130 or "stopped: what has arrived stays; to go on from there" in err
        served.stalls.set()
        subprocess.run(command, cwd=tmp_path, check=True)
    assert server.ranges[1:] == [
        ("jsb-chorales.json.gz", "bytes=50000-"),
        ("jsb-chorales.json.gz", "bytes=70000-"),
    ]
    raw = tmp_path / "datasets/raw"
    assert [path.name for path in raw.iterdir()] == ["chorales"]
    assert (raw / "chorales" / "Jsb16thSeparated.json").read_bytes() == gzip.decompress(data)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
