"""A run that begins with what another has learned: at step 0, with its weights, to the last bit."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.errors import CheckpointError, RunError
from distnet.launch import run as run_file
from distnet.launch.run import resume, run
from distnet.run_folder.paths import RunFolder
from distnet.train.checkpoint.checkpoint import read_newest

JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
SHORT = ("train.steps=6", "evaluate.every_epochs=1000", "checkpoint.every_steps=3")


def train(runs: Path, name: str, *overrides: str, **options: Any) -> distnet.Run:
    sets = (*SHORT, *overrides)
    return run(JOB, inline=True, overrides=sets, runs=runs, name=name, **options)


def records(folder: RunFolder, kind: str) -> list[dict[str, Any]]:
    found = map(json.loads, folder.metrics.read_text().splitlines())
    return [record for record in found if record["kind"] == kind]


@pytest.fixture
def first(tmp_path: Path) -> distnet.Run:
    return train(tmp_path, "first")


def test_it_begins_at_step_0_with_the_other_weights_and_says_so(first, tmp_path):
    still = ("optimizer.learning_rate=1e-30",)  # weights of fp32 do not move by so little

    later = train(tmp_path, "later", *still, start_from=first.folder.path)

    assert later.result["weights_sha256"] == first.result["weights_sha256"]
    assert records(later.folder, "attempt")[0]["step"] == 0
    assert later.result["steps"] == 6
    [note] = records(later.folder, "note")
    assert note["text"] == "begins with the weights of step 6 of first"
    start = json.loads(later.folder.environment.read_text())["start"]
    assert (start["run"], start["step"]) == ("first", 6)
    assert (
        later.result["weights_sha256"] != train(tmp_path, "drawn", *still).result["weights_sha256"]
    )


def test_it_has_the_same_bits_again_also_when_the_other_run_is_gone(first, tmp_path, monkeypatch):
    """Killed before its first checkpoint, and gone on with when there is no other run any more."""
    expected = train(tmp_path, "expected", start_from=first.folder.path)
    with monkeypatch.context() as patch:

        def be_killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(run_file, "train", be_killed)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, "killed", start_from=first.folder.path)
    shutil.rmtree(first.folder.path)

    again = resume(tmp_path / "killed", inline=True)

    assert again.result["weights_sha256"] == expected.result["weights_sha256"]
    assert records(again.folder, "note") == records(expected.folder, "note")


def test_it_goes_on_from_its_own_checkpoint_later(first, tmp_path):
    expected = train(tmp_path, "expected", start_from=first.folder.path)
    train(tmp_path, "halves", "train.steps=3", start_from=first.folder.path)

    later = resume(tmp_path / "halves", inline=True, overrides=("train.steps=6",))

    assert later.result["steps"] == expected.result["steps"] == 6
    assert records(later.folder, "attempt")[1]["step"] == 3


def test_weights_of_another_network_are_refused(first, tmp_path):
    with pytest.raises(CheckpointError, match="another network"):
        train(tmp_path, "wider", "network.hidden=[32]", start_from=first.folder.path)


def test_a_run_that_is_not_there_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(RunError, match="no run in this folder to start from"):
        train(tmp_path, "later", start_from=tmp_path / "nowhere")

    assert not (tmp_path / "later").exists()


def test_weights_that_are_lost_are_reported(first, tmp_path, monkeypatch):
    later = train(tmp_path, "later", start_from=first.folder.path)
    shutil.rmtree(later.folder.checkpoints)
    later.folder.metrics.unlink()
    later.folder.result.unlink()
    later.folder.start.write_bytes(b"nonsense")

    with pytest.raises(
        CheckpointError, match=r"start\.safetensors: the initial weights cannot be read"
    ):
        resume(later.folder.path, inline=True)


def test_the_weights_are_those_of_the_newest_checkpoint(first, tmp_path):
    later = train(tmp_path, "later", start_from=first.folder.path)

    from safetensors.torch import load_file

    kept, newest = load_file(later.folder.start), read_newest(first.folder.checkpoints).weights
    assert kept.keys() == newest.keys()
    assert all(kept[name].equal(newest[name]) for name in kept)
