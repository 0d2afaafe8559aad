"""Callbacks: what they get and when, what they log, that they end training, and no more."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.cli.main import main
from distnet.train.exchange.worker_group import WorkerGroup
from tests.train.processes import run_workers
from tests.train.test_bits import assignment, bits, train

WATCH = Path(__file__).with_name("watch.py")
JOB = """
name: watched
network: {kind: mlp, hidden: [8]}
data: {source: "DATA"}
optimizer: {kind: adam, learning_rate: 0.01}
callbacks: [{kind: "./watch.py:Diary", every: 5}]
train: {epochs: 2, batch_size: 100, slices: 4, seed: 3}
checkpoint: {every_steps: 8, every: 1h}
"""
STOPPING = JOB.replace("every: 5}", 'every: 5}, {kind: "./watch.py:Target", at: 13}')


def job_at(folder: Path, data: Path, text: str = JOB) -> Path:
    shutil.copy(WATCH, folder / "watch.py")
    path = folder / "job.yaml"
    path.write_text(text.replace("DATA", str(data)))
    return path


def assigned(text: str, stripes: Path, run: Path, **options: Any) -> Any:
    found = assignment(text.replace("DATA", "stripes"), stripes, run, **options)
    shutil.copy(WATCH, run / "watch.py")
    return found


def diary(run: Path) -> list[str]:
    lines = (run / "diary.txt").read_text().splitlines()
    return [line.rpartition(" ")[0] for line in lines]


def test_they_are_called_in_the_order_of_the_loop_and_log_into_history_and_report(
    stripes: Path, tmp_path: Path
) -> None:
    run = distnet.run(job_at(tmp_path, stripes), inline=True, runs=tmp_path, name="watched")
    plain = distnet.run(
        tmp_path / "job.yaml", inline=True, runs=tmp_path, name="plain", overrides=["callbacks=[]"]
    )

    seen = diary(run.folder.path)
    steps = [line for line in seen if "checkpoint" not in line]
    assert steps == ["0 start", "10 evaluated test", "20 evaluated test", "20 end"]
    assert len(seen) - len(steps) == 3
    # They have changed nothing: neither weights nor threads.
    assert run.result["weights_sha256"] == plain.result["weights_sha256"]
    assert (run.folder.path / "diary.txt").read_text().startswith("0 start 1\n")
    logged = run.logged
    assert list(logged.index) == [5, 10, 15, 20]
    losses = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    of_step = {one["step"]: one["loss"] for one in losses if one["kind"] == "step"}
    assert dict(logged["loss again"]) == {step: of_step[step] for step in logged.index}
    assert {"weights-largest", "loss-again"} <= set(run.figures)


@pytest.mark.check
def test_one_ends_training_on_all_workers_and_the_run_is_finished(
    stripes: Path, tmp_path: Path
) -> None:
    runs = {}
    for size in (1, 2, 3):
        run = tmp_path / f"run-{size}"
        outcomes = run_workers(train, size, tmp_path, assigned(STOPPING, stripes, run))
        assert {(one["status"], one["steps"]) for one in outcomes} == {("finished", 14)}
        runs[size] = bits(outcomes, run)
    run = tmp_path / "stopped"
    train(WorkerGroup(), assigned(STOPPING, stripes, run), 5)
    (run / "stop").unlink()
    resumed = assigned(STOPPING, stripes, run, is_resumed=True)
    again = bits(run_workers(train, 2, tmp_path, resumed), run)

    assert runs[1] == runs[2] == runs[3] == again
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    notes = [one["text"] for one in records if one["kind"] == "note"]
    assert "callback ./watch.py:Target ends training after step 14: it is enough" in notes
    assert records[-1]["early"] == "stopped early at step 14 by a callback"
    assert [line for line in diary(run) if "start" in line or "end" in line] == [
        "0 start", "6 end", "6 start", "14 end"
    ]  # fmt: skip


@pytest.mark.check
@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            "{kind: ./watch.py:Diary, evry: 1}",
            "callbacks.0.evry: found unknown key `evry`, did",
        ),
        ("./watch.py:Target", "job.yaml:6 callbacks.0.at: found no `at`, which is required"),
        (
            "./watch.py:Deaf",
            "Deaf has no method that is called; expected one or more of: start,",
        ),
        ("watching", "callbacks.0.kind: found `watching`, expected the form ./file.py:Class"),
        ("./nowhere.py:A", "callbacks.0.kind: found no file"),
    ],
)
def test_check_says_what_is_wrong(
    callback: str, message: str, stripes: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = JOB.replace('{kind: "./watch.py:Diary", every: 5}', callback)

    assert main(["check", str(job_at(tmp_path, stripes, text))]) == 2

    assert message in capfd.readouterr().err


@pytest.mark.check
def test_one_that_fails_ends_the_run_with_its_line(
    stripes: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = job_at(tmp_path, stripes, JOB.replace("Diary", "Failing").replace(", every: 5", ""))

    assert main(["run", str(job), "--inline", "--runs", str(tmp_path)]) == 2

    said = capfd.readouterr().err
    assert "callback ./watch.py:Failing raised TypeError: log: found str 'text' for name" in said
    assert "watch.py:60, in step: training.log" in said
