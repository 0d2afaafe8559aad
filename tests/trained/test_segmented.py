"""Networks that segment: predictions as arrays and as files, for scenes, crops and whole images."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from distnet.cli.main import main
from distnet.data.importing import import_dataset
from distnet.launch.run import run
from distnet.notebook.run import Run
from distnet.report.colours import class_colours
from distnet.trained.evaluate import evaluate
from distnet.trained.export import export
from distnet.trained.load import load_trained
from distnet.trained.predict import predict
from tests.data.raw_files import picture

SCENES = """
name: scenes
network: {kind: unet, channels: 2, depth: 1}
task: {kind: segment}
data: {view: {kind: scenes, size: 40, objects: 1, samples: {train: 16, test: 5}}}
train: {steps: 2, batch_size: 8}
evaluate: {batch_size: 3}
"""
CROPS = """
name: crops
network: {kind: unet, channels: 2, depth: 1}
task: {kind: segment, dice: 1}
data: {source: data, view: {kind: crops, size: 16}, augment: [{kind: flip}, {kind: turn}]}
train: {steps: 2, batch_size: 8}
"""


def trained_on(text: str, folder: Path) -> Run:
    (folder / "job.yaml").write_text(text)
    return run(folder / "job.yaml", inline=True, runs=folder / "runs")


def write_images(folder: Path) -> Path:
    images, masks = folder / "raw" / "images", folder / "raw" / "masks"
    for path in (images, masks):
        path.mkdir(parents=True)
    for index in range(6):
        pixels = np.random.default_rng(index).integers(0, 2, (32, 48), dtype=np.uint8)
        (images / f"{index}.png").write_bytes(picture(index, height=32, width=48, mode="L"))
        Image.fromarray(pixels).save(masks / f"{index}.png")
    import_dataset(folder / "raw", folder / "data", test_fraction=0.4)
    return images / "0.png"


def test_scenes_are_predicted_in_their_own_size_and_not_centred(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = trained_on(SCENES, tmp_path)
    scene = tmp_path / "scene.png"
    scene.write_bytes(picture(0, height=40, width=40, mode="L"))

    trained = load_trained(done.folder.path)
    (found,) = predict(trained, [scene])

    assert trained.inputs.shape == (1, 40, 40)
    assert found["mask"].shape == (40, 40)
    assert found["mask"].dtype == np.uint8
    assert sum(found["shares"].values()) == pytest.approx(1)
    again = evaluate(done.folder.path)["metrics"]
    assert again == pytest.approx({k: done.metrics[f"test_{k}"] for k in again})

    capsys.readouterr()
    command = ["predict", str(done.folder.path), str(scene), "--output", str(tmp_path / "out")]
    assert main([*command, "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert said["mask"] == str(tmp_path / "out" / "scene-mask.png")
    assert said["shares"] == pytest.approx(found["shares"])
    with Image.open(said["mask"]) as written:
        assert np.array_equal(np.asarray(written), found["mask"])
        colours = class_colours(11)[found["mask"]]
        assert np.array_equal(np.asarray(written.convert("RGB")), colours)


def test_of_crops_whole_images_are_predicted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = write_images(tmp_path)
    done = trained_on(CROPS, tmp_path)

    (found,) = predict(load_trained(done.folder.path), [image])

    assert found["mask"].shape == (32, 48)
    other = tmp_path / "other" / image.name
    other.parent.mkdir()
    other.write_bytes(picture(1, height=50, width=90, mode="L"))
    capsys.readouterr()
    assert main(["predict", str(done.folder.path), str(image), str(other)]) == 0
    shown = capsys.readouterr().out
    assert "%" in shown
    masks = sorted(path.name for path in (done.folder.path / "predictions").iterdir())
    assert masks == ["0-mask-2.png", "0-mask.png"]
    with Image.open(done.folder.path / "predictions" / "0-mask-2.png") as mask:
        assert mask.size == (90, 50)


@pytest.mark.check
def test_export_computes_the_same_for_a_view(tmp_path: Path) -> None:
    done = trained_on(SCENES, tmp_path)
    trained = load_trained(done.folder.path)

    exported = export(trained)

    session = onnxruntime.InferenceSession(str(exported.files[1]))
    x = np.random.default_rng(1).integers(0, 256, (3, 1, 40, 40)).astype(np.float32)
    (outputs,) = session.run(None, {"x": x})
    assert outputs.shape == (3, 11, 40, 40)
    np.testing.assert_allclose(outputs, trained.outputs(x).numpy(), atol=1e-4)
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"])[1] == "0"
