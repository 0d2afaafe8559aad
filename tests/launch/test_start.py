"""Starting with weights in a file: what is taken, what is refused, and that a run keeps them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import distnet
from distnet.cli.main import main
from distnet.errors import RunError
from distnet.spec.sections.start import Start
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.inventory.flat import FlatNetwork
from distnet.trained.start.fit import fit
from distnet.trained.start.weights_file import read_weights
from tests.train.listeners import stop_at

JOB = """
name: started
network: {kind: mlp, hidden: [8]}
data: {source: "DATA"}
start: {weights: before.pt, rename: {"module.": "", "fc.": "output."}, ignore: ["output.*"]}
optimizer:
  {kind: adam, learning_rate: 0.01, groups: [{match: "hidden1.*", frozen_epochs: all}]}
train: {steps: 6, batch_size: 100, slices: 4, seed: 3}
checkpoint: {every_steps: 1}
"""
HIDDEN = {
    "hidden1.weight": torch.randn(8, 144, generator=torch.Generator().manual_seed(0)),
    "hidden1.bias": torch.arange(8.0),
}
HEAD = {"fc.weight": torch.zeros(1000, 8), "fc.bias": torch.zeros(1000)}


@pytest.fixture
def job(stripes: Path, tmp_path: Path) -> Path:
    """A job that starts with a file of other names, whose head has another shape."""
    saved = {f"module.{name}": tensor for name, tensor in HIDDEN.items()} | HEAD
    torch.save({"state_dict": saved, "epoch": 3}, tmp_path / "before.pt")
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATA", str(stripes)))
    return path


def hidden(run: distnet.Run) -> dict[str, Tensor]:
    weights = read_newest(run.folder.checkpoints).weights
    return {name: weights[name] for name in HIDDEN}


def require_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_starts_with_them_and_resumes_without_the_file(job: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"inline": True, "runs": tmp_path}
    whole = distnet.run(job, name="whole", **options)
    stop = tmp_path / "stopped" / "stop"
    first = distnet.run(job, name="stopped", listener=stop_at(1, stop), **options)
    before = first.status  # a run reads its folder anew at each use
    (tmp_path / "before.pt").unlink()
    resumed = distnet.resume(first.folder.path, inline=True)

    require_equal(hidden(whole), HIDDEN)
    assert before == "stopped"
    assert resumed.result["weights_sha256"] == whole.result["weights_sha256"]
    start = json.loads(whole.folder.environment.read_text())["start"]
    data = whole.folder.start.read_bytes()
    assert start == {"file": "before.pt", "sha256": hashlib.sha256(data).hexdigest()}
    require_equal(load_file(whole.folder.start), HIDDEN)
    notes = [r["text"] for r in records(whole) if r["kind"] == "note"]
    assert f"begins with the weights of before.pt (sha256 {start['sha256'][:12]})" in notes

    # The folder of a run is a source as well: what it learned, head included.
    again = distnet.run(
        job, name="again", overrides=["start={weights: whole}", "train.steps=1"], **options
    )
    require_equal(hidden(again), HIDDEN)
    assert load_file(again.folder.start).keys() == {*HIDDEN, "output.weight", "output.bias"}


def records(run: distnet.Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]


def test_check_says_what_is_taken(job: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(job), "--json"]) == 0

    notes = json.loads(capfd.readouterr().out)["notes"]
    assert (
        "start: before.pt takes 2 tensors; drawn anew: output.weight [4, 8], output.bias [4]; "
        "not used: output.weight, output.bias"
    ) in notes


MODULE = '{"module.": "", "fc.": "output."}'


@pytest.mark.parametrize(
    ("start", "messages"),
    [
        (
            "{weights: before.pt}",
            [
                "missing in the file: hidden1.weight [8, 144], hidden1.bias [8], output.weight",
                "not in the network: module.hidden1.weight [8, 144], module.hidden1.bias [8], fc.w",
                "start.rename",
            ],
        ),
        (
            f"{{weights: before.pt, rename: {MODULE}}}",
            [
                "of another shape: output.weight [1000, 8] in the file, [4, 8] in the network, "
                "output.bias [1000] in the file, [4] in the network"
            ],
        ),
        ("{weights: nowhere.pt}", ["start.weights: ", "nowhere.pt cannot be read: No such file"]),
        (
            "{weights: ../runs/first-1}",
            ["runs/first-1 cannot be read: ", "train that first: distnet run JOB --name first-1"],
        ),
        ("{weights: .}", ["found no run in this folder to start from"]),
        ("{wights: a.pt}", ["start.wights: found unknown key", "did you mean `weights`"]),
    ],
)
def test_check_names_exactly_what_does_not_fit(
    start: str, messages: list[str], job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(job), "--set", f"start={start}"]) == 2

    said = capfd.readouterr().err
    assert [message for message in messages if message not in said] == []


def test_other_files_than_weights_are_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "network.pt")
    torch.save([torch.zeros(2)], tmp_path / "list.pt")
    (tmp_path / "text.pt").write_text("name: a")
    save_file({"x": torch.zeros(9)}, tmp_path / "torn.safetensors")
    (tmp_path / "torn.safetensors").write_bytes((tmp_path / "torn.safetensors").read_bytes()[:-9])

    for name, message in {
        "network.pt": "holds other objects than tensors and plain values, which are never loaded",
        "text.pt": "was not saved by torch",
        "list.pt": "holds list, expected a .safetensors file",
        "torn.safetensors": "is no whole .safetensors file",
        "missing.pt": "cannot be read: No such file",
    }.items():
        with pytest.raises(RunError, match=message):
            read_weights(tmp_path / name)


def test_tied_weights_need_not_be_in_the_file_twice() -> None:
    tied = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    tied[1].weight.data = tied[0].weight.data.t()

    found = fit({"0.weight": torch.ones(3, 3)}, FlatNetwork(tied), Start(weights="a.pt"))

    assert found.fault == ""
    assert found.taken == ["0.weight"]
