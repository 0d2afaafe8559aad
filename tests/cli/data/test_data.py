"""`distnet data ...` as a user types it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from distnet.cli.main import app, main
from distnet.data.sources.source import source_kinds
from distnet.errors import DataError
from tests.data.raw_files import image_folder, small_idx


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def test_import_writes_a_dataset_and_shows_it(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"ant": 20, "bee": 20})
    shown = run("import", raw, tmp_path / "out", "--size", "4x6", "--colours", "grey")
    assert shown.exit_code == 0
    assert "image 1 x 4 x 6 of uint8" in shown.stdout
    assert "ant" in shown.stdout
    shown = run("import", raw, tmp_path / "square", "--size", "6")
    assert "image 3 x 6 x 6 of uint8" in shown.stdout


def test_import_prints_one_json_object(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a,b,c,y\n" + "1,2,x,3.5\n4,5,x,6.5\n" * 30)
    options = ["--drop", "c", "--drop", "b", "--target", "y", "--target-kind", "number"]
    shown = run("import", file, tmp_path / "out", *options, "--test-fraction", "0", "--json")
    record = json.loads(shown.stdout)
    assert record["fields"]["x"]["names"] == ["a"]
    assert record["fields"]["y"]["names"] == ["y"]
    assert len(record["sha256"]) == 64


def test_text_is_imported_and_shown(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("ab\nba\n" * 20)
    shown = run("import", tmp_path / "t.txt", tmp_path / "out")
    assert shown.exit_code == 0
    assert "text of up to 3 characters" in shown.stdout
    assert "mean" not in shown.stdout


def test_times_are_shown_in_the_units_of_the_source(tmp_path: Path) -> None:
    rows = "".join(f"{1_700_000_000 + i % 60};{1_600_000_000 + i % 60}\n" for i in range(600))
    (tmp_path / "t.csv").write_text("time;y\n" + rows)
    options = ["--delimiter", ";", "--target-kind", "number", "--test-fraction", "0"]
    shown = run("import", tmp_path / "t.csv", tmp_path / "out", *options)
    assert "1700000029.5" in shown.stdout
    assert "1600000029.5" in shown.stdout
    assert "minus 1600000030.0" in shown.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "4by6"], "expected HEIGHTxWIDTH"),
        (["--size", "0x6"], "expected HEIGHTxWIDTH"),
        (["--colours", "blue"], "expected grey or rgb"),
        (["--target-kind", "text"], "expected class or number"),
        (["--layout", "rows"], "expected classes or splits"),
        (["--kind", "jpeg"], "unknown kind of source 'jpeg'"),
    ],
)
def test_import_refuses_options_that_make_no_sense(
    tmp_path: Path, options: list[str], message: str
) -> None:
    raw = image_folder(tmp_path / "raw", {"ant": 1, "bee": 1})
    shown = run("import", raw, tmp_path / "out", *options)
    assert message in str(shown.exception)
    assert not (tmp_path / "out").exists()


def test_an_option_of_another_kind_is_refused_with_the_kinds_that_have_it(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("ab\nba\n" * 20)
    shown = run("import", tmp_path / "t.txt", tmp_path / "out", "--tokenizer", "bpe")
    message = str(shown.exception)
    assert f"--tokenizer does not apply to {tmp_path / 't.txt'}, which is read as text" in message
    assert re.search(r"the kinds with it are: .*\btext-table; text has no options$", message)


def test_an_import_says_what_comes_next_unless_no_shipped_task_learns_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = image_folder(tmp_path / "raw", {"ant": 3, "bee": 3})
    options = ["--test-fraction", "0"]
    assert main(["data", "import", str(raw), str(tmp_path / "my ants"), *options]) == 0
    assert capsys.readouterr().err == (
        f"next, a job file that fits it: distnet init '{tmp_path / 'my ants'}'\n"
    )


@pytest.mark.parametrize(
    ("files", "remedy"),
    [
        (["a.txt", "b.txt"], "name the files train*.txt and test*.txt"),
        (["good/1.txt", "bad/1.txt"], "make a CSV file of them with the columns text and label"),
        ([], "the folder is empty"),
    ],
)
def test_import_says_what_to_do_with_a_folder_of_no_known_kind(
    tmp_path: Path, files: list[str], remedy: str
) -> None:
    for name in files:
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_text("a text")
    (tmp_path / "raw").mkdir(exist_ok=True)
    shown = run("import", tmp_path / "raw", tmp_path / "out")
    assert remedy in str(shown.exception)


def test_a_folder_of_two_kinds_that_cannot_be_read_as_one_names_the_other(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"ant": 2, "bee": 2})
    (raw / "train.csv").write_text("length,label\n1,a\n2,b,c\n")
    message = str(run("import", raw, tmp_path / "out").exception)
    assert message.endswith(
        "was read as csv; it could also be read as image-folder: --kind image-folder"
    )


def test_the_help_of_import_is_grouped_by_kinds_of_data() -> None:
    shown = run("import", "--help").stdout
    names = ("Options", "Tables and arrays", "Texts", "Images", "Sounds and music")
    assert all(kind in shown for kind in source_kinds())
    assert [line.strip("╭─╮ \n") for line in shown.splitlines() if "╭" in line][1:] == [*names]


def test_ctrl_c_leaves_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = image_folder(tmp_path / "raw", {"ant": 3, "bee": 3})
    monkeypatch.setattr("distnet.data.importing.Census.add", _interrupted)
    assert main(["data", "import", str(raw), str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == (
        "stopped: no dataset was written; to import, run the command again\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_inspect_says_what_mnist_is() -> None:
    shown = run("inspect", "mnist")
    assert "60,000" in shown.stdout
    assert "5,923" in shown.stdout
    record = json.loads(run("inspect", "mnist", "--json").stdout)
    assert record["splits"]["test"]["num_samples"] == 10_000


def test_inspect_draws_the_classes(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"ant": 3, "a very long name of a class" * 3: 3})
    run("import", raw, tmp_path / "out", "--test-fraction", "0")
    shown = run("inspect", tmp_path / "out", "--picture", tmp_path / "sheet.png", "--json")
    assert json.loads(shown.stdout)["name"] == "out"
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.std() > 30
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "raw", "sheet.png"]


def test_inspect_draws_images_with_numbers(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 5, 5), dtype=np.uint8)
    np.savez(tmp_path / "raw.npz", x=images, y=np.linspace(0, 1, 7))
    run("import", tmp_path / "raw.npz", tmp_path / "out", "--test-fraction", "0")
    run("inspect", tmp_path / "out", "--picture", tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 600


def test_inspect_refuses_a_picture_that_cannot_be(tmp_path: Path) -> None:
    np.savez(tmp_path / "raw.npz", x=np.ones((7, 5)), y=np.ones(7))
    run("import", tmp_path / "raw.npz", tmp_path / "out", "--test-fraction", "0")
    shown = run("inspect", tmp_path / "out", "--picture", tmp_path / "sheet.png")
    assert "found fields of the kinds vector, number, none of which is an image" in str(
        shown.exception
    )
    shown = run("inspect", "mnist", "--picture", tmp_path / "nowhere" / "sheet.png")
    assert "cannot be written: No such file" in str(shown.exception)


def test_verify_reports_every_fault(tmp_path: Path) -> None:
    run("import", small_idx(tmp_path / "raw"), tmp_path / "out")
    assert ": ok" in run("verify", tmp_path / "out").stdout
    for shard in (tmp_path / "out").glob("*.parquet"):
        shard.write_bytes(b"")
    shown = run("verify", tmp_path / "out")
    assert isinstance(shown.exception, DataError)
    assert len(str(shown.exception).splitlines()) == 2
    shown = run("verify", tmp_path / "out", "--json")
    assert shown.exit_code == 2
    assert len(json.loads(shown.stdout)["faults"]) == 2


@pytest.mark.parametrize("verb", ["import", "inspect", "verify"])
def test_help_has_an_example(verb: str) -> None:
    assert f"Example: distnet data {verb}" in run(verb, "--help").stdout
