"""`distnet eval`, `predict` and `export` as a person types them."""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

import distnet
from distnet.cli.main import main
from distnet.trained.evaluate import evaluate


@pytest.fixture
def runs(trained_runs: Path) -> Path:
    return trained_runs


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    picture = Image.new("L", (120, 120), 255)
    ImageDraw.Draw(picture).line([(30, 20), (90, 20), (55, 105)], fill=0, width=9, joint="curve")
    picture.save(tmp_path / "[seven].png")
    return tmp_path / "[seven].png"


def test_eval_prints_one_json_object(runs: Path, capfd: pytest.CaptureFixture[str]):
    assert main(["eval", "digits-1", "--runs", str(runs), "--json"]) == 0

    figures = json.loads(capfd.readouterr().out)
    assert figures["num_samples"] == 10_000
    assert sum(map(sum, figures["figures"][0]["counts"])) == 10_000
    assert figures["metrics"]["accuracy"] > 0.8


def test_eval_shows_metrics_and_classes(runs: Path, capfd: pytest.CaptureFixture[str]):
    assert main(["eval", "latest", "--runs", str(runs)]) == 0

    shown = capfd.readouterr().out
    assert "digits-1 at step 300: 10,000 samples" in shown
    for word in ("accuracy", "macro_f1", "precision", "1,135"):
        assert word in shown


@pytest.mark.parametrize(
    ("command", "interrupted", "said"),
    [
        (["eval", "digits-1"], "evaluate.Evaluator.__call__", "stopped: nothing was measured"),
        (["predict", "digits-1", "7.png"], "predict.read_image_file", "nothing was predicted"),
    ],
)
def test_ctrl_c_is_said(
    command: list[str],
    interrupted: str,
    said: str,
    runs: Path,
    seven: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(seven.parent)
    seven.rename("7.png")
    monkeypatch.setattr(f"distnet.trained.{interrupted}", interrupt)

    assert main([*command, "--runs", str(runs)]) == 130

    shown = capfd.readouterr()
    assert said in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "error: found nothing to predict; give files, or a text: --text TEXT\n"),
        (["7.png", "--output", "masks"], "--output: the task classify predicts no masks to write"),
    ],
    ids=["nothing", "masks"],
)
def test_predict_refuses_what_makes_no_sense(
    options: list[str],
    message: str,
    runs: Path,
    seven: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(seven.parent)
    seven.rename("7.png")

    assert main(["predict", "digits-1", *options, "--runs", str(runs)]) == 2

    assert message in capfd.readouterr().err
    assert not Path("masks").exists()


def test_an_evaluation_says_how_far_it_is(runs: Path):
    said: list[tuple[int, int]] = []

    evaluate(runs / "digits-1", progress=lambda done, of: said.append((done, of)))

    assert said[0] == (0, 10_000)
    assert said == sorted(said)
    assert len(said) > 1


def test_a_trained_network_is_shown_in_one_line(runs: Path):
    shown = "<Trained digits-1: step 300, network mlp, task classify>"
    assert repr(distnet.load(runs / "digits-1")) == shown
    assert {"load", "run", "submit"} <= {*dir(distnet)}


def test_predict_names_what_is_not_a_file(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    (tmp_path / "empty").mkdir()
    files = {
        "none.png": "found no such file or folder",
        "*.jpg": "no file matches this pattern",
        "empty": "found no images in this folder",
    }
    for name, found in files.items():
        assert main(["predict", str(runs / "digits-1"), str(tmp_path / name)]) == 2
        assert f"{tmp_path / name}: {found}" in capfd.readouterr().err


def test_predict_prints_a_json_array(runs: Path, seven: Path, capfd: pytest.CaptureFixture[str]):
    assert main(["predict", str(runs / "digits-1"), str(seven), str(seven), "--json"]) == 0

    predictions = json.loads(capfd.readouterr().out)
    assert [one["class"] for one in predictions] == ["7", "7"]


def test_predict_shows_file_class_and_the_likeliest(
    runs: Path, seven: Path, capfd: pytest.CaptureFixture[str]
):
    assert main(["predict", "digits-1", str(seven), "--runs", str(runs)]) == 0

    shown = capfd.readouterr().out
    for word in ("file", "class", "probability", "[seven].png", "7 "):
        assert word in shown


def test_export_prints_the_files_and_the_difference(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    words = ["export", "digits-1", "--runs", str(runs), "--output", str(tmp_path / "out")]

    assert main([*words, "--json"]) == 0

    printed = json.loads(capfd.readouterr().out)
    assert printed["files"] == [
        str(tmp_path / f"out/digits-1.{s}") for s in ("safetensors", "onnx")
    ]
    assert printed["check"]["max_difference"] < 1e-4
    assert main([*words, "--format", "safetensors"]) == 0
    assert capfd.readouterr().out == f"{tmp_path}/out/digits-1.safetensors\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval", "digits-2"], "digits-2: no such run"),
        (["eval", "digits-1", "--split", "exam"], "no split 'exam'; it has: "),
        (["eval", "digits-1", "--checkpoint", "7"], "no checkpoint of step 7; there are: "),
        (["predict", "digits-1", "gone.png"], "gone.png: found no such file"),
        (["predict", "digits-1", "gone.csv"], "gone.csv: found no such file"),
        (["export", "digits-1", "--format", "pickle"], "found the formats pickle, expected some"),
    ],
)
def test_a_mistake_is_reported_in_a_line_with_exit_code_2(
    arguments: list[str], message: str, runs: Path, capfd: pytest.CaptureFixture[str]
):
    assert main([*arguments, "--runs", str(runs)]) == 2

    printed = capfd.readouterr()
    assert message in printed.err.replace("\n", " ")
    assert "Traceback" not in printed.err
    assert printed.out == ""
