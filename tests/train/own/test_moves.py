"""A user's own optimizer and schedule: the same everywhere, and refused where they are not."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import distnet
from distnet.cli.main import main
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.exchange.worker_group import WorkerGroup
from tests.train.processes import run_workers
from tests.train.test_bits import assignment, bits, train
from tests.train.test_early_stopping import records

MOVES = Path(__file__).with_name("moves.py")
JOB = """
name: moved
network: {kind: mlp, hidden: [8]}
data: {source: "DATA"}
optimizer: {kind: "./moves.py:Noisy", learning_rate: 0.01, beta: 0.8, weight_decay: 0.1,
            groups: [{match: "hidden1.*", frozen_epochs: 1, rate: 0.5}]}
schedule: {kind: "./moves.py:Wave", periods: 3}
train: {epochs: 2, batch_size: 100, slices: 4, seed: 3}
checkpoint: {every_steps: 5}
"""


def job_at(folder: Path, data: Path, text: str = JOB) -> Path:
    folder.mkdir(exist_ok=True)
    shutil.copy(MOVES, folder / "moves.py")
    path = folder / "job.yaml"
    path.write_text(text.replace("DATA", str(data)))
    return path


def assigned(text: str, stripes: Path, run: Path, **options: Any) -> Any:
    found = assignment(text.replace("DATA", "stripes"), stripes, run, **options)
    shutil.copy(MOVES, run / "moves.py")
    return found


def test_the_weights_are_the_same_on_any_workers_and_after_a_resume(
    stripes: Path, tmp_path: Path
) -> None:
    runs = {}
    for size in (1, 2, 3):
        run = tmp_path / f"run-{size}"
        runs[size] = bits(run_workers(train, size, tmp_path, assigned(JOB, stripes, run)), run)
    run = tmp_path / "stopped"
    train(WorkerGroup(), assigned(JOB, stripes, run), 5)
    (run / "stop").unlink()
    again = bits(run_workers(train, 2, tmp_path, assigned(JOB, stripes, run, is_resumed=True)), run)

    assert runs[1] == runs[2] == runs[3] == again
    rates = [record["learning_rate"] for record in records(tmp_path / "run-1", "step")]
    assert rates[:2] == pytest.approx([0.01, 0.01 * 0.7938926261462366])


@pytest.mark.check
def test_it_moves_as_the_same_optimizer_of_torch_does(stripes: Path, tmp_path: Path) -> None:
    """`./opt.py:RAdam` imports torch's: the loop gives it what a loop by hand would."""
    text = JOB.replace("./moves.py:Noisy", "./opt.py:SGD").replace("beta: 0.8", "momentum: 0.9")
    text = text.replace("./moves.py:Wave, periods: 3", "constant")
    job = job_at(tmp_path, stripes, text.replace("rate: 0.5", "rate: 2"))
    (tmp_path / "opt.py").write_text("from torch.optim import SGD\n")
    own = distnet.run(job, inline=True, runs=tmp_path, name="own")
    job.write_text(job.read_text().replace("./opt.py:SGD", "sgd"))
    shipped = distnet.run(job, inline=True, runs=tmp_path, name="shipped")

    mine, theirs = (read_newest(run.folder.checkpoints).weights for run in (own, shipped))
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-6) for name in mine)
    assert own.metrics["test_accuracy"] > 0.5


@pytest.mark.check
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (":Noisy", ""),
        (":Missing", "job.yaml:5 optimizer.kind: found unknown class `Missing`"),
        (":NoOptimizer", "expected a subclass of torch.optim.Optimizer"),
        (":Plain", "found weight_decay above 0, which the constructor of Plain does not take"),
        (":Failing", "raised ValueError: no such step\n    moves.py:"),
        (":Forgetful", "a new one that was given its state, as after a resume, moves the weights"),
        (":Replacing", "expected a step that changes parameters in place"),
        (":Noisy beta: no", "job.yaml:5 optimizer.beta: found text 'no', expected a number"),
        (":Noisy betta: 1", "job.yaml:5 optimizer.betta: found unknown key `betta`, did you mean"),
        (":Noisy lr: 1", "optimizer.lr: found `lr`, expected `learning_rate`"),
        (":Counting", "schedule ./moves.py:Counting: factor(0, 20) returned 1, and 0.05"),
        (":Negative", "Negative.factor returned float -0.04"),
        (":Noisy periods", "schedule.period: found unknown key `period`, did you mean `periods`?"),
    ],
)
def test_check_says_what_is_wrong(
    change: str, message: str, stripes: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name, _, option = change.partition(" ")
    text = JOB.replace("periods", "period") if option == "periods" else JOB
    if name in (":Counting", ":Negative"):
        text = text.replace(":Wave, periods: 3", name).replace('Wave", periods: 3', f'{name[1:]}"')
    else:
        text = text.replace(":Noisy", name)
    if name in (":Plain", ":NoOptimizer"):
        text = text.replace("beta: 0.8, ", "")
    if ":" in option:
        text = text.replace("beta: 0.8", option)

    assert main(["check", str(job_at(tmp_path, stripes, text))]) == (2 if message else 0)

    assert message in capfd.readouterr().err
