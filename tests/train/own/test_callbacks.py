"""Callbacks: what they get and when, what they log, that they end training, and no more."""

import json
import shutil
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.cli.main import main
from distnet.errors import PartError
from distnet.run_folder.paths import RunFolder
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
KEEPING = JOB.replace(
    '{kind: "./watch.py:Diary", every: 5}',
    '"./watch.py:Mean", {kind: "./watch.py:Mean", name: second, at: 16}',
)
"""Two callbacks of a kind, which remember what they have seen."""
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


def logged(run: Path) -> dict[tuple[int, str], float]:
    """What callbacks have logged: by step and name, the newest value."""
    lines = map(json.loads, RunFolder(run).metrics.read_text().splitlines())
    found = [one for one in lines if one["kind"] == "logged"]
    return {(one["step"], name): value for one in found for name, value in one["logged"].items()}


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
def test_what_they_keep_survives_a_kill_and_a_stop_on_any_workers(
    stripes: Path, tmp_path: Path
) -> None:
    undisturbed = {}
    for size in (1, 2, 3):
        run = tmp_path / f"run-{size}"
        outcomes = run_workers(train, size, tmp_path, assigned(KEEPING, stripes, run))
        assert {(one["status"], one["steps"]) for one in outcomes} == {("finished", 17)}
        undisturbed[size] = (*bits(outcomes, run), logged(run))
    run = tmp_path / "killed"
    dying = KEEPING.replace("at: 16", "at: 16, dies_at: 13")
    with pytest.raises(BrokenProcessPool):
        run_workers(train, 1, tmp_path, assigned(dying, stripes, run))
    resumed = assigned(KEEPING, stripes, run, is_resumed=True)
    killed = (*bits(run_workers(train, 3, tmp_path, resumed), run), logged(run))
    run = tmp_path / "stopped"
    train(WorkerGroup(), assigned(KEEPING, stripes, run), 15)
    (run / "stop").unlink()
    assert len(logged(run)) == 2 * 16  # the callback has ended training: one more step is made
    resumed = assigned(KEEPING, stripes, run, is_resumed=True)
    stopped = (*bits(run_workers(train, 2, tmp_path, resumed), run), logged(run))

    assert undisturbed[1] == undisturbed[2] == undisturbed[3] == killed == stopped
    kept = {name for name in undisturbed[1][3] if "callback" in name}
    assert kept == {f"optimizer callback/./watch.py:Mean{number}" for number in ("", " (2)")}


def test_a_state_that_no_checkpoint_can_hold_is_refused_before_the_first_step(
    stripes: Path, tmp_path: Path
) -> None:
    job = KEEPING.replace('"./watch.py:Mean",', '"./watch.py:Opaque",')

    with pytest.raises(PartError, match=r"callback ./watch.py:Opaque: its state: found a Linear"):
        train(WorkerGroup(), assigned(job, stripes, tmp_path / "run"))

    assert logged(tmp_path / "run") == {}


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
        ("./watch.py:Saving", "Saving has state_dict alone, expected both of state_dict and"),
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
    assert "watch.py:63, in step: training.log" in said
