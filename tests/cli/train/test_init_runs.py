"""The three commands of a new user, on real data of eight kinds, with the file as init wrote it."""

import csv
import gzip
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.report.run import read_run
from distnet.report.summary import summarise
from distnet.run_folder.paths import RunFolder
from tests.bench.table import MARGIN, measure_all, write_split
from tests.needs import real_data

pytestmark = pytest.mark.check


def table(raw: Path) -> list[str]:
    """Scikit-learn's diabetes."""
    write_split(raw, 0)
    return ["--target-kind", "number"]


def classes(raw: Path) -> list[str]:
    """The same, with the sex as a class."""
    write_split(raw, 0)
    return ["--target", "sex", "--target-kind", "class", "--drop", "target"]


def pictures(raw: Path) -> list[str]:
    """60 photos of flowers."""
    unpack("flowers.tar", raw, r"flowers/\w+/1[01]\d+_\w+\.jpg", most=150)
    return ["--size", "72x72"]


def masks(raw: Path) -> list[str]:
    """Six images of membranes."""
    unpack("membrane.tar.xz", raw, r".*/[0-5]\.png", most=12)
    return ["--classes", "membrane,cell", "--size", "96x96", "--test-fraction", "0.3"]


def boxes(raw: Path) -> list[str]:
    """A dozen photos of blood cells."""
    unpack("bccd.tar", raw, r".*/BloodImage_0001\d\.(jpg|xml)", most=40)
    return ["--size", "96x128"]


def labelled(raw: Path) -> list[str]:
    """400 sentences of film reviews."""
    raw.mkdir()
    with tarfile.open(real_data("sst2.tar.gz")) as archive:
        (found,) = (m for m in archive if m.name.endswith("train.tsv"))
        lines = read(archive, found).decode().splitlines()[:400]
    with (raw / "train.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows(line.rsplit("\t", 1) for line in lines)
    (raw / "train.csv").rename(raw / "reviews.csv")
    return []


def text(raw: Path) -> list[str]:
    """The first lines of Shakespeare."""
    raw.mkdir()
    whole = gzip.decompress(real_data("tinyshakespeare.txt.gz").read_bytes())
    (raw / "plays.txt").write_bytes(whole[:20_000])
    return []


def sounds(raw: Path) -> list[str]:
    """Spoken digits."""
    unpack("fsdd.tar.xz", raw, r".*/[0-3]_jackson_\d\.wav", most=40)
    return ["--names", "{class}_{speaker}_{take}"]


def unpack(name: str, raw: Path, pattern: str, *, most: int) -> None:
    """Write the first files of an archive whose names match."""
    with tarfile.open(real_data(name)) as archive:
        for member in matching(archive, pattern, most):
            path = raw / Path(*Path(member.name).parts[1:])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read(archive, member))


def matching(archive: tarfile.TarFile, pattern: str, most: int) -> Iterator[tarfile.TarInfo]:
    found = 0
    for member in archive:
        if found < most and member.isfile() and re.fullmatch(pattern, member.name):
            found += 1
            yield member


def read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member) or io.BytesIO()
    return content.read()


KINDS: dict[Callable[[Path], list[str]], tuple[str, str]] = {
    table: ("regress", "mlp"),
    classes: ("classify", "mlp"),
    pictures: ("classify", "cnn"),
    masks: ("segment", "unet"),
    boxes: ("detect", "detector"),
    labelled: ("classify", "lstm"),
    text: ("language-model", "gpt"),
    sounds: ("classify", "crnn"),
}


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_the_file_of_init_runs_as_it_is(
    make: Callable[[Path], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*make(tmp_path / "raw"), "--validation-fraction", "0.25"]
    data, job = str(tmp_path / "data"), str(tmp_path / "job.yaml")
    raw = tmp_path / "raw"
    (source, *others) = raw.iterdir()
    source = raw if others or source.is_dir() else source

    assert main(["data", "import", str(source), data, *options]) == 0
    capsys.readouterr()
    assert main(["init", data, "--output", job, "--json"]) == 0
    chosen = json.loads(capsys.readouterr().out)
    short = ["--inline", "--no-report", "--runs", str(tmp_path), "--name", "run"]
    assert main(["run", job, *short, "--set", "train.epochs=null", "--set", "train.steps=4"]) == 0

    assert (chosen["task"], chosen["network"]) == KINDS[make]
    run = read_run(RunFolder(tmp_path / "run"))
    headline = summarise(run).headline
    assert headline is not None
    assert headline.split == "test"
    assert run.split == "validation"


def test_a_table_is_learned_as_well_as_by_ridge_regression(tmp_path: Path) -> None:
    found = measure_all(tmp_path, 0)

    assert len(found["splits"]) == 5
    assert found["network"] >= found["linear"] - MARGIN
