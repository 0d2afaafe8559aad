"""Exported networks compute what the trained network computes, in other programs."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open

from distnet.data.importing import import_dataset
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.errors import RunError
from distnet.launch.run import run
from distnet.tasks.generators._numbered import numbered_noise
from distnet.train.inventory.flat import weights_sha256
from distnet.trained.export import export
from distnet.trained.exportable import Inputs
from distnet.trained.load import Trained, load_trained
from distnet.trained.onnx_model import check_onnx, to_onnx

NETWORKS = {
    "mlp": "{kind: mlp, hidden: [16], batch_norm: true, dropout: 0.1}",
    "step": "{kind: mlp, hidden: [16], activation: step}",
    "cnn": "{kind: cnn, channels: [4, 8]}",
    "resnet": "{kind: resnet, depth: 8, width: 4}",
    "own": "{kind: ./own.py:Own}",
}
OWN = """
import torch


class Own(torch.nn.Module):
    def __init__(self, input_shape, num_outputs, *, width: int = 8):
        super().__init__()
        self.first = torch.nn.Linear(784, width)
        self.last = torch.nn.Linear(width, num_outputs)

    def forward(self, x):
        return self.last(torch.sin(self.first(x.flatten(1))))
"""
DATA_DEPENDENT = OWN.replace("torch.sin(", "(torch.sin if x.sum() > 0 else torch.cos)(")


def train(folder: Path, network: str, data: str, task: str = "classify") -> Trained:
    (folder / "job.yaml").write_text(
        f"name: small\nnetwork: {network}\ntask: {{kind: {task}}}\ndata: {{source: {data}}}\n"
        "optimizer: {kind: adam}\ntrain: {steps: 20, batch_size: 32}\n"
        "evaluate: {split: train}\n"
    )
    return load_trained(run(folder / "job.yaml", inline=True, runs=folder).folder.path)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 real digits, so that training takes no time."""
    folder, mnist = tmp_path_factory.mktemp("digits"), find_dataset("mnist", folder=Path())
    x, y = ShardReader(mnist, read_manifest(mnist), "test").read_group(0).values()
    np.savez(folder / "raw.npz", x=x[:300], y=y[:300])
    import_dataset(folder / "raw.npz", folder / "data")
    return folder / "data"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(each, marks=pytest.mark.check if each == "resnet" else []) for each in NETWORKS
    ],
)
def trained(
    request: pytest.FixtureRequest, digits: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "own.py").write_text(OWN)
    return train(folder, NETWORKS[request.param], str(digits))


def test_onnx_takes_raw_pixels_and_any_number_of_samples(
    trained: Trained, digits: Path, tmp_path: Path
):
    x = ShardReader(digits, read_manifest(digits), "train").read_group(0)["x"]

    exported = export(trained, output=tmp_path / "models", formats=["onnx"])

    (file,) = exported.files
    onnx.checker.check_model(str(file))
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for part in (x[:1], x[100:107]):
        (found,) = session.run(None, {"x": part.astype(np.float32)})
        assert np.allclose(found, trained.outputs(part), atol=1e-4)
    assert exported.check is not None
    assert exported.check.max_difference < 1e-4
    assert (exported.check.num_random, exported.check.num_real) == (128, 128)


def test_both_formats_say_what_they_are(trained: Trained):
    exported = export(trained)

    folder = trained.folder.path
    assert exported.files == (
        folder / "export/small-1.safetensors",
        folder / "export/small-1.onnx",
    )
    model = onnx.load(exported.files[1])
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(facts.pop("meanings")) == {
        "x": "pixels from 0 to 255; the network scales and normalises them itself"
    }
    with safe_open(exported.files[0], "pt") as weights:
        assert weights.metadata() == facts
    assert json.loads(facts["classes"]) == list("0123456789")
    assert facts["weights_sha256"] == weights_sha256(trained.network)
    assert facts["step"] == "20"
    assert model.opset_import[0].version >= 18


def test_safetensors_hold_the_weights_by_their_names(trained: Trained, tmp_path: Path):
    exported = export(trained, output=tmp_path, formats=["safetensors"])

    assert exported.check is None
    with safe_open(exported.files[0], "pt") as weights:
        names = set(weights.keys())
        for name, tensor in trained.network.state_dict().items():
            assert torch.equal(weights.get_tensor(name), tensor)
    assert names == set(trained.network.state_dict())


def test_table_network_takes_numbers_in_their_own_units(tmp_path: Path):
    numbers = np.random.default_rng(0).normal([1000, -20], [50, 3], (100, 2))
    rows = [f"{w},{h},{w - h}" for w, h in numbers]
    (tmp_path / "raw.csv").write_text("\n".join(["width,height,price", *rows]))
    import_dataset(tmp_path / "raw.csv", tmp_path / "data", options={"target": ["price"]})
    trained = train(tmp_path, "{kind: mlp}", "./data", "regress")

    exported = export(trained, output=tmp_path / "models")

    x = numbers[:5].astype(np.float32)
    session = onnxruntime.InferenceSession(str(exported.files[1]))
    said = [one["value"] for one in trained.predict(x)]
    assert np.allclose(session.run(None, {"x": x})[0], said, atol=1e-3)
    assert np.mean(said) > 900  # in the units of the data, not in deviations from their mean


def test_export_needs_no_dataset(tmp_path: Path):
    (tmp_path / "raw.csv").write_text("a,y\n" + "\n".join(f"{i},{2 * i}" for i in range(50)))
    import_dataset(tmp_path / "raw.csv", tmp_path / "data")
    trained = train(tmp_path, "{kind: perceptron}", "./data", "regress")
    (tmp_path / "data").rename(tmp_path / "gone")

    exported = export(trained)

    assert exported.check is not None
    assert exported.check.num_real == 0


def test_model_that_computes_something_else_is_refused(trained: Trained):
    model = to_onnx(trained, {})
    other = load_trained(trained.folder.path)
    with torch.no_grad():
        list(other.network.parameters())[-1].add_(0.01)

    with pytest.raises(RunError, match=r"ONNX network differs .* by \d.*nothing was written"):
        check_onnx(other, model)


def test_nothing_is_left_when_the_network_cannot_be_translated(digits: Path, tmp_path: Path):
    (tmp_path / "own.py").write_text(DATA_DEPENDENT)
    trained = train(tmp_path, "{kind: ./own.py:Own}", str(digits))

    with pytest.raises(RunError, match="cannot be written as ONNX: .*--format safetensors"):
        export(trained, output=tmp_path / "models")
    assert not [p for p in tmp_path.rglob("*") if "export" in p.name or "models" in p.name]


def test_place_that_cannot_be_written_is_refused(trained: Trained, tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(RunError, match="file/models: cannot be written: .*--output"):
        export(trained, output=tmp_path / "file" / "models", formats=["safetensors"])


@pytest.mark.parametrize("formats", [[], ["onnx", "pickle"]])
def test_unknown_format_is_refused_with_the_known_ones(
    formats: list[str], trained: Trained, tmp_path: Path
):
    with pytest.raises(RunError, match="found the formats (none|pickle), expected some of safeten"):
        export(trained, output=tmp_path, formats=formats)


GAN = """
name: small
network: {kind: gan, channels: 8, noise: 6}
task: {kind: gan, conditional: true}
data: {source: DATA}
train: {steps: 2, batch_size: 16}
evaluate: {samples: 16}
"""


def loaded(folder: Path, text: str) -> Trained:
    (folder / "job.yaml").write_text(text)
    return load_trained(run(folder / "job.yaml", inline=True, runs=folder).folder.path)


def test_a_generator_makes_the_images_of_sample(digits: Path, tmp_path: Path):
    trained = loaded(tmp_path, GAN.replace("DATA", str(digits)))
    noise = numbered_noise(5, range(12), (6,), torch.zeros(1)).numpy()
    classes = np.eye(10, dtype=np.float32)[[3] * 12]

    exported = export(trained, formats=["onnx"])

    session = onnxruntime.InferenceSession(str(exported.files[0]))
    (images,) = session.run(["images"], {"noise": noise, "classes": classes})
    assert np.abs(images.round() - trained.sample(12, seed=5, of_class="3")).max() <= 1
    assert exported.check is not None
    assert (exported.check.num_random, exported.check.num_real) == (128, 0)
    model = onnx.load(exported.files[0])
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(facts["meanings"])["images"] == "pixels from 0 to 255, not rounded"
    assert facts["mean"] == "null"  # the network is not normalised by it


@pytest.mark.check
def test_a_denoiser_is_followed_to_the_images_of_sample(digits: Path, tmp_path: Path):
    text = GAN.replace("gan, channels: 8, noise: 6", "denoiser, channels: [8, 16]")
    text = text.replace("gan, conditional: true", "diffusion, steps: 2")
    trained = loaded(tmp_path, text.replace("DATA", str(digits)))
    (file,) = export(trained, formats=["onnx"]).files
    session = onnxruntime.InferenceSession(str(file))
    x = numbered_noise(5, range(4), (1, 28, 28), torch.zeros(1)).numpy()

    def velocity(images: Inputs, time: float) -> Inputs:
        times = np.full(len(images), time, np.float32)
        (seen,) = session.run(["seen"], {"images": images, "times": times})
        return (seen - images) / (1 - time)

    first = velocity(x, 0.0)
    x += 0.5 / 2 * (first + velocity(x + 0.5 * first, 0.5))
    x += 0.5 * velocity(x, 0.5)

    pixels = ((x + 1) * 127.5).round().clip(0, 255)
    assert np.abs(pixels - trained.sample(4, seed=5)).max() <= 1


GPT = """
name: small
network: {kind: gpt, layers: 1, heads: 2, width: 16}
task: {kind: language-model, shown_tokens: 5}
data: {source: ./data, view: {kind: pack, length: 16}}
train: {steps: 2, batch_size: 8}
"""


@pytest.mark.check
def test_a_language_model_continues_texts_of_any_length(tmp_path: Path):
    (tmp_path / "fox.txt").write_text("the quick brown fox\njumps over\nthe lazy dog\n" * 40)
    import_dataset(tmp_path / "fox.txt", tmp_path / "data", test_fraction=0.1)
    trained = loaded(tmp_path, GPT)

    exported = export(trained)

    session = onnxruntime.InferenceSession(str(exported.files[1]))
    for length in (1, 7, 16):
        tokens = torch.arange(3 * length).reshape(3, length) % 9
        (logits,) = session.run(["logits"], {"tokens": tokens.numpy()})
        np.testing.assert_allclose(logits, trained.network(tokens).detach(), atol=1e-4)
    with safe_open(exported.files[0], "pt") as weights:
        assert "q" in json.loads(weights.metadata()["vocabulary"])
