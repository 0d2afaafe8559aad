"""Boxes of images of any size, in the pixels of these."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from distnet.cli.main import main
from distnet.cli.results.printing import show_predictions
from distnet.data.column import RaggedArray
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.image import ImageField
from distnet.data.importing import write_dataset
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.arrays import as_chunks
from distnet.errors import DataError
from distnet.launch.run import run
from distnet.trained.export import export
from distnet.trained.load import Trained, load_trained
from distnet.trained.predict import predict

SIDE, NUM = 32, 256
JOB = """
name: squares
network: {kind: detector, channels: [8, 16, 16], levels: 1, width: 16, depth: 1}
task: {kind: detect}
data: {source: SOURCE}
optimizer: {kind: adam, learning_rate: 0.01}
schedule: {kind: one-cycle}
train: {steps: 120, batch_size: 16, slices: 2}
evaluate: {every_epochs: 1000}
"""


def squares(folder: Path) -> Path:
    """Images with one bright square, and its box."""
    random = np.random.default_rng(0)
    x = random.integers(0, 60, (NUM, 1, SIDE, SIDE)).astype(np.uint8)
    corners = random.integers(0, SIDE - 12, (NUM, 2))
    for image, (left, top) in zip(x[:, 0], corners, strict=True):
        image[top : top + 12, left : left + 12] = 220
    boxes = np.hstack([corners, corners + 12, np.zeros((NUM, 1))]).astype(np.float32)
    fields = {"x": ImageField(shape=x.shape[1:]), "boxes": BoxesField(classes=("square",))}
    columns = {"x": x, "boxes": RaggedArray(boxes, np.ones(NUM, np.int64))}
    data = RawData(fields=fields, splits={"train": as_chunks(columns)})
    folder.mkdir()
    about = {"name": "squares", "source": "made", "licence": "unknown"}
    write_dataset(folder, data, test_fraction=0.2, **about)
    return folder


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("finder")
    text = JOB.replace("SOURCE", str(squares(folder / "squares")))
    (folder / "job.yaml").write_text(text)
    done = run(folder / "job.yaml", inline=True, runs=folder / "runs")
    assert done.metrics["test_map50"] > 0.9
    return load_trained(done.folder.path)


def drawn(path: Path, *, width: int, height: int) -> tuple[float, ...]:
    """Draw a square as the network sees it, stretched to an image of another size."""
    left, right = (part * width // 32 for part in (10, 22))
    top, bottom = (part * height // 32 for part in (8, 20))
    pixels = np.full((height, width), 30, np.uint8)
    pixels[top:bottom, left:right] = 220
    Image.fromarray(pixels).save(path)
    return left, top, right, bottom


@pytest.mark.parametrize(("width", "height"), [(32, 32), (256, 64), (96, 320)])
def test_boxes_are_in_pixels_of_the_image_itself(
    width: int, height: int, finder: Trained, tmp_path: Path
) -> None:
    expected = drawn(tmp_path / "one.png", width=width, height=height)

    [found] = predict(finder, [tmp_path / "one.png"])

    [box] = found["boxes"]
    edges = [box[name] for name in ("left", "top", "right", "bottom")]
    slack = [2.5 * side / SIDE for side in (width, height)] * 2
    assert found["file"] == str(tmp_path / "one.png")
    assert (box["class"], box["score"] > 0.5) == ("square", True)
    assert all(abs(a - b) <= s for a, b, s in zip(edges, expected, slack, strict=True))


def test_the_command_lists_a_box_a_row(
    finder: Trained,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    drawn(Path("one.png"), width=64, height=64)
    command = ["predict", str(finder.folder.path), "one.png"]

    assert main([*command, "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert [box["class"] for box in found["boxes"]] == ["square"]
    assert main(command) == 0
    assert sum("square" in row for row in capsys.readouterr().out.splitlines()) == 1


def test_an_image_without_objects_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    box = {"class": "cat", "score": 0.9, "left": 1.0}

    show_predictions([{"file": "a.png", "boxes": [box, box]}, {"file": "b.png", "boxes": []}])

    rows = capsys.readouterr().out.splitlines()
    assert [sum(name in row for row in rows) for name in ("a.png", "b.png", "cat")] == [2, 1, 2]


def test_files_that_are_no_images_are_named(finder: Trained, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")

    with pytest.raises(DataError, match=r"text\.png: cannot be read as an image"):
        predict(finder, [tmp_path / "text.png"])


def test_the_report_shows_found_and_true_boxes(finder: Trained) -> None:
    figures = json.loads(finder.folder.evaluation.read_text())["figures"]

    (scenes,) = [f for f in figures if f["title"].startswith("Objects found")]
    flags = {box["is_predicted"] for boxes in scenes["boxes"] for box in boxes}
    assert {"table", "curve", "images"} <= {figure["kind"] for figure in figures}
    assert flags == {True, False}


@pytest.mark.check
def test_an_exported_detector_gives_boxes_and_scores(finder: Trained, tmp_path: Path) -> None:
    drawn(tmp_path / "one.png", width=SIDE, height=SIDE)
    [found] = predict(finder, [tmp_path / "one.png"])
    [best] = found["boxes"]

    exported = export(finder, output=tmp_path / "out")

    assert exported.check is not None
    session = onnxruntime.InferenceSession(str(exported.files[1]))
    pixels = np.asarray(Image.open(tmp_path / "one.png"), np.float32)[None, None]
    (outputs,) = session.run(None, {"x": np.repeat(pixels, 3, 0)})
    edges, scores = outputs[2, :, :4], outputs[2, :, 4:]
    cell = scores.argmax()
    assert outputs.shape == (3, (SIDE // 8) ** 2, 5)
    assert scores[cell, 0] == pytest.approx(best["score"], abs=1e-3)
    expected = [best[name] for name in ("left", "top", "right", "bottom")]
    assert edges[cell].tolist() == pytest.approx(expected, abs=0.01)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == ["square"]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "1"])
def test_images_of_other_modes_are_read_as_they_look(
    mode: str, finder: Trained, tmp_path: Path
) -> None:
    drawn(tmp_path / "one.png", width=64, height=96)
    with Image.open(tmp_path / "one.png") as image:
        image.convert(mode).save(tmp_path / "other.png")

    plain, other = predict(finder, [tmp_path / "one.png", tmp_path / "other.png"])

    assert len(other["boxes"]) == len(plain["boxes"]) == 1
    if mode != "1":  # which dithers
        assert other["boxes"] == plain["boxes"]


def test_a_photo_is_turned_upright_and_16_bits_keep_their_scale(
    finder: Trained, tmp_path: Path
) -> None:
    drawn(tmp_path / "one.png", width=64, height=160)
    with Image.open(tmp_path / "one.png") as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # turn it by a quarter to the right to see it upright
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.png", exif=exif)
        Image.fromarray(np.asarray(image, np.uint16) * 257).save(tmp_path / "deep.png")

    names = ("one.png", "lying.png", "deep.png")
    plain, lying, deep = predict(finder, [tmp_path / name for name in names])

    assert lying["boxes"] == deep["boxes"] == plain["boxes"]


def test_init_writes_a_job_that_passes_the_check(finder: Trained, tmp_path: Path) -> None:
    data = finder.job.data.source
    assert main(["init", str(data), "-o", str(tmp_path / "job.yaml")]) == 0

    text = (tmp_path / "job.yaml").read_text()
    assert "kind: detector" in text
    assert "kind: detect\n" in text
    assert main(["check", str(tmp_path / "job.yaml")]) == 0
