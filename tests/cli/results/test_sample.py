"""`distnet sample`: images of a trained generator, as PNG."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

import distnet
from distnet.cli.main import main

GAN = """
name: stripes-gan
network: {{kind: gan, channels: 8, noise: 8}}
task: {{kind: gan, conditional: {conditional}, average: 0}}
data: {{source: {data}}}
optimizer: {{kind: adam, learning_rate: 0.02}}
train: {{steps: 3, batch_size: 16}}
evaluate: {{samples: 32}}
"""
OWN = """
import os
from distnet.tasks.generators.gan import Gan
class Own(Gan):
    def sample(self, networks, seed, numbers, of_class=None):
        return super().sample(networks, seed, numbers, of_class).float()
class Ends(Gan):
    def sample(self, networks, seed, numbers, of_class=None):
        if seed and numbers[0]:  # after the first images
            os.kill(os.getpid(), seed)
        return super().sample(networks, seed, numbers, of_class)
"""
CLASSIFIER = """
name: classifier
network: {{kind: perceptron}}
data: {{source: {data}}}
train: {{steps: 1}}
"""


@pytest.fixture(scope="module")
def runs(stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    own, ends = (
        GAN.replace("task: {{kind: gan", f'task: {{{{kind: "./own.py:{name}"')
        for name in ("Own", "Ends")
    )
    (folder / "own.py").write_text(OWN)
    texts = {"plain": GAN, "knowing": GAN, "own": own, "ends": ends, "classifier": CLASSIFIER}
    for name, text in texts.items():
        job = folder / f"{name}.yaml"
        job.write_text(text.format(data=stripes, conditional=str(name == "knowing").lower()))
        distnet.run(job, inline=True, runs=folder, name=name)
    return folder


def test_the_images_are_those_of_the_evaluation(runs: Path):
    trained = distnet.load(runs / "plain")
    with np.load(runs / "plain" / "pictures.npz") as arrays:
        grid = arrays["generated"].astype(int)

    assert json.loads((runs / "plain" / "evaluation.json").read_text())["num_samples"] == 32
    assert abs(trained.sample(64).astype(int) - grid).max() <= 1
    assert np.array_equal(trained.sample(9, seed=3), trained.sample(9, seed=3))
    assert not np.array_equal(trained.sample(9, seed=3), trained.sample(9))


def test_all_images_become_one_png(runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    command = ["sample", "plain", "--runs", str(runs), "--number", "5", "--seed", "7"]
    output = tmp_path / "new" / "five.png"

    assert main([*command, "--output", str(output)]) == 0

    assert capfd.readouterr().out == f"{output}\n"
    pixels = np.asarray(Image.open(output))
    assert pixels.shape == (2 * 14 + 2, 3 * 14 + 2)  # images of 12 x 12 with gaps of 2
    first = distnet.load(runs / "plain").sample(1, seed=7)[0, 0]
    assert abs(pixels[2:14, 2:14].astype(int) - first).max() <= 1
    assert (pixels[16:, 30:] == 128).all()


def test_each_image_becomes_a_png_in_a_folder(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    command = ["sample", "knowing", "--runs", str(runs), "--number", "11", "--class", "c", "--json"]

    assert main([*command, "--output", str(tmp_path / "images")]) == 0

    found = json.loads(capfd.readouterr().out)
    assert found["files"] == [str(tmp_path / "images" / f"{i:02}.png") for i in range(11)]
    assert (found["number"], found["seed"], found["step"]) == (11, 0, 3)
    assert all(Image.open(file).size == (12, 12) for file in found["files"])


def test_an_export_says_that_the_network_takes_pixels(runs: Path, tmp_path: Path):
    command = ["export", "plain", "--runs", str(runs), "--format", "safetensors"]

    assert main([*command, "--output", str(tmp_path)]) == 0

    with safe_open(tmp_path / "plain.safetensors", "pt") as file:
        facts = file.metadata()
    assert (facts["mean"], facts["std"]) == ("null", "null")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["classifier"], "task classify, which makes no images; the tasks gan and diffusion do"),
        (["plain", "--class", "b"], "without classes; leave it out, or train the task gan with"),
        (["knowing", "--class", "e"], "found the class e, expected one of a, b, c, d"),
        (["own"], "Own.sample returned a Tensor [64, 1, 12, 12] of float32, expected a uint8"),
        (["plain", "--number", "10001"], "10,001 images for one file, expected at most 10,000"),
        (["plain", "--number", "0"], "--number: found 0, expected a number of at least 1"),
        (["plain", "--seed", "-1"], "--seed: found -1, expected a number of at least 0"),
        (["plain", "--output", "/dev/null/new/x.png"], "cannot be written: Not a directory"),
    ],
    ids=str,
)
def test_what_is_not_possible_is_refused(
    arguments: list[str], problem: str, runs: Path, capfd: pytest.CaptureFixture[str]
):
    assert main(["sample", *arguments, "--runs", str(runs)]) == 2
    assert problem in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("output", ["images", "all.png"])
def test_a_signal_ends_it_with_the_code_of_shells_and_no_file(
    number: int, output: str, runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    before = signal.getsignal(signal.SIGTERM)
    command = ["sample", "ends", "--runs", str(runs), "--number", "300", "--seed", str(number)]

    code = main([*command, "--output", str(tmp_path / output)])

    assert code == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before
    assert "Traceback" not in capfd.readouterr().err


def test_a_file_of_another_format_is_refused_before_images_are_made(
    runs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    output = tmp_path / "five.jpg"

    assert main(["sample", "plain", "--runs", str(runs), "--output", str(output)]) == 2

    assert f"{output}: found the suffix .jpg, expected a file that ends in .png, or a folder" in (
        capfd.readouterr().err.replace("\n", " ")
    )
    assert not output.exists()
