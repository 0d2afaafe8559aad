import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from distnet.cli.main import main
from distnet.spec.read import JobFile, read_job


def table(path: Path, targets: Sequence[object]) -> Path:
    numbers = random.Random(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "y"])
        rows.writerows([numbers.random(), numbers.random(), target] for target in targets)
    return path


def images(path: Path, side: int) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (60, side, side), dtype=np.uint8)
    np.savez(path, x_train=pixels, y_train=np.arange(60) % 3)
    return path


def sounds(path: Path) -> Path:
    noise = np.random.default_rng(0)
    for number in range(24):
        file = path / "ab"[number % 2] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, noise.normal(0, 0.1, 900 + number), 8000)
    return path


def imported(raw: Path, *options: str) -> Path:
    folder = raw.parent / "My Data_1"
    assert main(["data", "import", str(raw), str(folder), *options]) == 0
    return folder


def initialised(dataset: str, output: Path) -> JobFile:
    assert main(["init", dataset, "--output", str(output)]) == 0
    return read_job(output)


def test_classes_of_a_table_get_a_classifying_mlp(tmp_path: Path) -> None:
    data = imported(table(tmp_path / "raw.csv", ["yes", "no"] * 40), "--target", "y")

    file = initialised(str(data), tmp_path / "job.yaml")

    assert file.job.name == "my-data-1"
    assert (file.job.network.kind, file.job.task.kind) == ("mlp", "classify")
    assert file.job.data.source == "./My Data_1"
    assert file.job.evaluate.split == "test"


def test_numbers_of_a_table_get_a_regressing_mlp(tmp_path: Path) -> None:
    targets = [number / 7 for number in range(80)]
    data = imported(table(tmp_path / "raw.csv", targets), "--target", "y")

    file = initialised(str(data), tmp_path / "job.yaml")

    assert (file.job.network.kind, file.job.task.kind) == ("mlp", "regress")


@pytest.mark.parametrize(("side", "network"), [(16, "cnn"), (5, "mlp")])
def test_images_get_a_cnn_unless_they_are_tiny(side: int, network: str, tmp_path: Path) -> None:
    data = imported(images(tmp_path / "raw.npz", side))

    file = initialised(str(data), tmp_path / "job.yaml")

    assert (file.job.network.kind, file.job.task.kind) == (network, "classify")


def test_stories_with_questions_get_a_memory_network(tmp_path: Path) -> None:
    story = "1 Mary went to the hall.\n2 Where is Mary?\thall\t1\n"
    other = story.replace("hall", "attic")
    raw = tmp_path / "raw" / "qa1_train.txt"
    raw.parent.mkdir()
    raw.write_text((story + other) * 12)
    data, output = imported(raw), tmp_path / "job.yaml"

    file = initialised(str(data), output)

    assert (file.job.network.kind, file.job.task.kind) == ("memory", "classify")
    assert file.job.task.options == {"by": "task"}
    assert main(["check", str(output)]) == 0


def test_questions_about_texts_get_a_reader(tmp_path: Path) -> None:
    text = "Ann has 3 cats."
    questions = [
        {"id": str(n), "question": "How many?", "answers": [{"text": "3", "answer_start": 8}]}
        for n in range(20)
    ]
    articles = [
        {"paragraphs": [{"context": f"{text} {n}", "qas": [one]}]}
        for n, one in enumerate(questions)
    ]
    (tmp_path / "raw.json").write_text(json.dumps({"data": articles}))
    data, output = imported(tmp_path / "raw.json"), tmp_path / "job.yaml"

    file = initialised(str(data), output)

    assert (file.job.network.kind, file.job.task.kind) == ("reader", "answer")
    assert main(["check", str(output)]) == 0


def test_recordings_get_a_crnn_with_which_they_can_be_learned(tmp_path: Path) -> None:
    data, output = imported(sounds(tmp_path / "raw")), tmp_path / "job.yaml"

    file = initialised(str(data), output)

    assert (file.job.network.kind, file.job.task.kind) == ("crnn", "classify")
    assert main(["check", str(output)]) == 0


@pytest.mark.parametrize("num_samples", [3, 12, 200])
def test_the_file_passes_the_check(num_samples: int, tmp_path: Path) -> None:
    targets = [f"class {number % 2}" for number in range(num_samples)]
    data = imported(table(tmp_path / "raw.csv", targets), "--target", "y", "--test-fraction", "0")
    (tmp_path / "jobs").mkdir()
    output = tmp_path / "jobs" / "job.yaml"

    file = initialised(str(data), output)

    assert file.job.data.source == "../My Data_1"
    assert main(["check", str(output)]) == 0


def test_a_dataset_that_ships_is_named_as_it_is(tmp_path: Path) -> None:
    file = initialised("mnist", tmp_path / "job.yaml")

    assert file.job.data.source == "mnist"
    assert file.job.network.kind == "cnn"


def test_every_section_is_explained(tmp_path: Path) -> None:
    output = tmp_path / "job.yaml"
    initialised("mnist", output)

    lines = output.read_text().splitlines()

    sections = [i for i, line in enumerate(lines) if line[:1].isalpha()]
    assert len(sections) == 9
    for i in sections:
        assert "#" in lines[i] or lines[i - 1].startswith("# "), lines[i]
    assert max(map(len, lines)) <= 120


def test_an_existing_file_is_replaced_only_by_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "job.yaml"
    output.write_text("mine")

    assert main(["init", "mnist", "--output", str(output)]) == 2
    assert output.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["init", "mnist", "--output", str(output), "--force"]) == 0
    assert read_job(output).job.name == "mnist"
    assert list(tmp_path.iterdir()) == [output]


def test_the_choice_is_printed_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "job.yaml"

    assert main(["init", "mnist", "--output", str(output), "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {
        "file": str(output),
        "data": "mnist",
        "task": "classify",
        "network": "cnn",
    }


def test_raw_data_is_sent_to_the_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = table(tmp_path / "raw.csv", ["yes", "no"] * 4)

    assert main(["init", str(raw), "--output", str(tmp_path / "job.yaml")]) == 2

    message = capsys.readouterr().err
    assert "found raw data (csv)" in message
    assert f"distnet data import {raw} raw-dataset" in message
    assert not (tmp_path / "job.yaml").exists()


def test_data_that_may_be_of_several_kinds_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sounds(tmp_path / "raw")
    table(tmp_path / "raw" / "train.csv", ["yes", "no"])

    assert main(["init", str(tmp_path / "raw"), "--output", str(tmp_path / "job.yaml")]) == 2

    assert "found raw data (csv or sound-folder)" in capsys.readouterr().err


def test_what_cannot_be_imported_as_it_is_gets_a_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, remedy in (("prices.xlsx", "pandas.read_excel"), ("7.png", "one folder a class")):
        (tmp_path / name).touch()

        assert main(["init", str(tmp_path), "--output", str(tmp_path / "job.yaml")]) == 2

        assert remedy in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_missing_data_is_reported(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()

    assert main(["init", str(tmp_path / name), "--output", str(tmp_path / "job.yaml")]) == 2

    assert str(tmp_path / name) in capsys.readouterr().err
    assert not (tmp_path / "job.yaml").exists()


def test_a_missing_folder_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "mnist", "--output", str(tmp_path / "no" / "job.yaml")]) == 2

    assert "found no folder" in capsys.readouterr().err


@pytest.mark.parametrize("num_lines", [6, pytest.param(200, marks=pytest.mark.check)])
def test_text_alone_gets_a_language_model(num_lines: int, tmp_path: Path) -> None:
    (tmp_path / "play.txt").write_text("To be, or not to be\n" * num_lines)
    output = tmp_path / "job.yaml"

    file = initialised(str(imported(tmp_path / "play.txt")), output)

    assert (file.job.network.kind, file.job.task.kind) == ("gpt", "language-model")
    assert file.job.data.view is not None
    assert file.job.data.view.kind == "pack"
    assert main(["check", str(output)]) == 0
    lines = output.read_text().splitlines()
    sections = [i for i, line in enumerate(lines) if line[:1].isalpha()]
    assert len(sections) == 9
    assert all(lines[i - 1].startswith("# ") for i in sections)


@pytest.mark.parametrize("num_steps", [9, 200])
def test_music_gets_a_language_model_with_windows_of_whole_steps(
    num_steps: int, tmp_path: Path
) -> None:
    music = {"train": [[[72, 67, 64, 48]] * num_steps], "test": [[[72, 67, 64, 48]] * 40]}
    (tmp_path / "music.json").write_text(json.dumps(music))
    output = tmp_path / "job.yaml"

    file = initialised(str(imported(tmp_path / "music.json")), output)

    assert (file.job.network.kind, file.job.task.kind) == ("gpt", "language-model")
    assert [step.kind for step in file.job.data.augment] == ["transpose"]
    assert main(["check", str(output)]) == 0


def test_data_that_no_shipped_task_learns_from_needs_an_own_task(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = imported(images(tmp_path / "raw.npz", 5))
    manifest = json.loads((data / "manifest.json").read_text())
    del manifest["fields"]["y"]
    (data / "manifest.json").write_text(json.dumps(manifest))

    assert main(["init", str(data), "--output", str(tmp_path / "job.yaml")]) == 2

    assert "found the fields x (image), expected x (image" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("side", "view"), [(12, None), pytest.param(320, "crops", marks=pytest.mark.check)]
)
def test_images_with_masks_get_a_unet(side: int, view: str | None, tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / "raw" / folder).mkdir(parents=True)
        for index in range(6):
            pixels = np.random.default_rng(index).integers(0, 2, (side, side), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "raw" / folder / f"{index}.png")
    data = imported(tmp_path / "raw", "--test-fraction", "0.4")

    file = initialised(str(data), tmp_path / "job.yaml")

    assert (file.job.network.kind, file.job.task.kind) == ("unet", "segment")
    assert (file.job.data.view and file.job.data.view.kind) == view
    assert main(["check", str(tmp_path / "job.yaml")]) == 0
