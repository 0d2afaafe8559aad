"""`distnet play`, and what else works with a run whose task makes its own samples."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors import safe_open

import distnet
from distnet.cli.main import main
from distnet.launch.run import run
from tests.cli.results.command import call, error_of, parsed

JOB = """
name: cart
network: {kind: mlp, hidden: [8]}
task: {kind: deep-q, environment: CartPole-v1, warmup: 30, episodes: 3}
data: {source: null}
train: {steps: 3, batch_size: 8, slices: 2, seed: 4}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "cart.yaml").write_text(JOB)
    run(folder / "cart.yaml", inline=True, runs=folder)
    return folder


def test_play_prints_the_episodes_of_an_evaluation(runs: Path) -> None:
    evaluation = json.loads((runs / "cart-1/evaluation.json").read_text())

    played = parsed("play", "cart-1", "--episodes", "3", runs=runs)
    text = call("play", "cart-1", "--episodes", "3", runs=runs).stdout
    long = call("play", "cart-1", "--episodes", "53", runs=runs).stdout

    assert played["mean_return"] == evaluation["metrics"]["return"]
    assert [row["episode"] for row in played["episodes"]] == [0, 1, 2]
    assert all(row["return"] == row["moves"] for row in played["episodes"])
    assert f"mean return of 3 episodes: {played['mean_return']:.4g}" in text
    assert "and 3 more: --json\nmean return of 53 episodes:" in long


def test_another_seed_begins_in_another_way(runs: Path) -> None:
    trained = distnet.load(runs / "cart-1")
    lengths = [[each.num_moves for each in trained.play(12, seed=seed)] for seed in (1, 2)]

    assert lengths[0] != lengths[1]


def test_play_writes_the_first_episode_as_a_gif(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "game.gif"

    result = call("play", "cart-1", "--episodes", "1", "--output", str(file), runs=runs)

    assert f"wrote {file}" in result.output
    (episode,) = distnet.load(runs / "cart-1").play(1)
    with Image.open(file) as picture:
        assert picture.size == (180, 120)
        assert 1 < picture.n_frames <= episode.num_moves  # type: ignore[attr-defined]
    assert "found the ending .mp4, expected .gif" in error_of(
        "play", "cart-1", "--output", "game.mp4", runs=runs
    )


def test_eval_measures_the_same_again(runs: Path) -> None:
    evaluation = json.loads((runs / "cart-1/evaluation.json").read_text())

    again = parsed("eval", "cart-1", runs=runs)
    text = call("eval", "cart-1", runs=runs).stdout

    assert again["metrics"] == evaluation["metrics"]
    assert "3 samples made by the task" in text
    assert "found --data, but the task deep-q makes" in error_of(
        "eval", "cart-1", "--data", "mnist", runs=runs
    )


def test_values_are_exported_and_predictions_refused(runs: Path, tmp_path: Path) -> None:
    made = parsed("export", "cart-1", "--output", str(tmp_path), runs=runs)

    weights, model = made["files"]
    with safe_open(weights, "numpy") as file:
        assert file.get_tensor("output.weight").shape == (2, 8)
        assert file.metadata()["task"] == "deep-q"
    seen = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    (values,) = onnxruntime.InferenceSession(model).run(["values"], {"observations": seen})
    network = distnet.load(runs / "cart-1").network
    np.testing.assert_allclose(values, network(torch.from_numpy(seen)).detach(), atol=1e-4)
    (tmp_path / "x.png").write_bytes(b"")
    refused = error_of("predict", "cart-1", str(tmp_path / "x.png"), runs=runs)
    assert "trained without a dataset" in refused


def test_what_cannot_be_played_is_refused(
    runs: Path, stripes: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = f"name: stripes\nnetwork: {{kind: mlp}}\ndata: {{source: {stripes}}}\n"
    (tmp_path / "job.yaml").write_text(f"{text}train: {{steps: 1}}\n")
    distnet.run(tmp_path / "job.yaml", inline=True, runs=tmp_path)

    assert "task classify, which plays nothing; the task deep-q does" in error_of(
        "play", "stripes-1", runs=tmp_path
    )
    assert main(["play", "cart-1", "--runs", str(runs), "--episodes", "0"]) == 2
    assert "--episodes: found 0, expected a number of at least 1" in capfd.readouterr().err


def test_audit_finds_every_step(runs: Path) -> None:
    text = call("audit", "cart-1", runs=runs).stdout

    assert "3 of 3, finished" in text
    assert "cart-1 is clean: no step missing" in text


def test_check_plans_the_episodes_and_the_replay(runs: Path) -> None:
    text = call("check", str(runs / "cart.yaml"), "--set", "task.replay=1000000").stdout

    assert "3, made by the task" in text
    assert "data 38.0 MB" in text


def test_a_report_shows_returns_and_a_game(runs: Path) -> None:
    evaluation = json.loads((runs / "cart-1/evaluation.json").read_text())

    assert [figure["title"] for figure in evaluation["figures"]] == [
        "Returns, from the lowest to the highest",
        "3 episodes",
        "One game",
    ]
