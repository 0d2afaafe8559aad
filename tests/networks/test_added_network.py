"""The network of `distnet/networks/README.md` is added as that page says, in both ways."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distnet.cli.main import main
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.spec.options import described, read_signature
from distnet.spec.parts import load_class
from tests.jobs.datasets.mnist import make

PACKAGE = Path(__file__).parents[2] / "distnet"
PAGE = (PACKAGE / "networks" / "README.md").read_text()
CODE, JOB, OWN = re.findall(r"^```(?:python|yaml)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MOST_LINES = 60
DIGITS = [7, 2, 1, 0, 4, 1, 4, 9]
"""The first of the test set."""
SMALL = "--set data.source=small --set train.steps=60 --set train.batch_size=64"
COMMANDS = (
    f"run job.yaml --inline --no-report {SMALL}",
    "export digits-mixer-1 --format FORMAT",
    "predict digits-mixer-1 --json " + " ".join(f"{i}.png" for i in range(len(DIGITS))),
)
MAIN = """import shlex, sys
from distnet.cli.main import main
sys.exit(any([main(shlex.split(line)) for line in sys.argv[1:]]))"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small part of MNIST as a dataset, and a few digits of its test set as pictures."""
    make(tmp_path / "small")
    mnist = find_dataset("mnist", folder=Path())
    images = ShardReader(mnist, read_manifest(mnist), "test").read_group(0)["x"]
    for i in range(len(DIGITS)):
        Image.fromarray(np.asarray(images[i, 0])).save(tmp_path / f"{i}.png")
    return tmp_path


def test_the_file_is_short_and_its_options_are_described(tmp_path: Path) -> None:
    (tmp_path / "conv_mixer.py").write_text(CODE)
    network = load_class("networks", "./conv_mixer.py:ConvMixer", folder=tmp_path)
    options = read_signature(network).options.model_fields.values()

    assert CODE.count("\n") < MOST_LINES
    assert set(described(network)) == {option.alias for option in options}
    with pytest.raises(ValueError, match=r"at least 4 pixels.*\(1, 3, 28\)"):
        network((1, 3, 28), 10)


@pytest.mark.check
def test_it_ships_or_is_kept_beside_the_job_file_and_learns_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    use_shipped(folder, *(f"{command} --runs shipped" for command in commands("safetensors")))
    shipped = json.loads(capfd.readouterr().out.splitlines()[-1])

    (folder / "conv_mixer.py").write_text(CODE)
    (folder / "job.yaml").write_text(re.sub(r"^network: .*\n", OWN, JOB, flags=re.MULTILINE))
    for command in commands("onnx"):
        assert main(shlex.split(command)) == 0
    own = json.loads(capfd.readouterr().out.splitlines()[-1])

    assert own == shipped
    assert sum(one["class"] == str(digit) for one, digit in zip(own, DIGITS, strict=True)) > 5
    assert weights(folder / "runs") == weights(folder / "shipped")


def commands(format_: str) -> list[str]:
    return [command.replace("FORMAT", format_) for command in COMMANDS]


def use_shipped(folder: Path, *commands: str) -> None:
    """Run commands of a distnet whose package has the network."""
    package = folder / "site" / "distnet"
    shutil.copytree(PACKAGE, package)
    (package / "networks" / "images" / "conv_mixer.py").write_text(CODE)
    (folder / "job.yaml").write_text(JOB)
    environment = os.environ | {"PYTHONPATH": str(package.parent)}
    subprocess.run([sys.executable, "-c", MAIN, *commands], env=environment, check=True)


def weights(runs: Path) -> str:
    """The hash of what the one run in a folder has learned."""
    result = json.loads((runs / "digits-mixer-1" / "result.json").read_text())
    return str(result["weights_sha256"])
