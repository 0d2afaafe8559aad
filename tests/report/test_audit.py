"""An audit finds nothing in runs that were stopped or killed, and finds every alteration."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.cli.main import main
from distnet.data.manifest import read_manifest
from distnet.errors import RunError
from distnet.report.audit import Audit, audit_run
from distnet.run_folder.paths import RunFolder
from tests.datasets import write_dataset
from tests.train import listeners, troubled
from tests.train.step.test_nonfinite import job_text
from tests.train.test_hard_resume import start_and_kill

Lines = list[dict[str, Any]]
STEPS_PER_EPOCH = 34
JOB = """
name: audited
network: {kind: mlp, hidden: [8]}
data: {source: "DATA"}
optimizer: {kind: sgd, learning_rate: 0.05}
train: {epochs: 3, batch_size: 30, slices: 4, seed: 3}
checkpoint: {every_steps: 5, keep: 100}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "stripes"
    return write_dataset(folder, train=1003, test=20)


@pytest.fixture(scope="module")
def stopped(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in its second epoch, and then finished."""
    folder = tmp_path_factory.mktemp("stopped")
    run = start(folder, JOB, data, stop_at=STEPS_PER_EPOCH + 6)
    distnet.resume(run, inline=True)
    return run


def start(folder: Path, text: str, data: Path, stop_at: int | None = None) -> Path:
    """Train inline, and request a stop when a step is recorded."""
    job = folder / "job.yaml"
    job.write_text(text.replace("DATA", str(data)))

    listener = listeners.stop_at(stop_at, folder / "audited/stop")
    run = distnet.run(job, inline=True, runs=folder, name="audited", listener=listener)
    return run.folder.path.resolve()


def audit(run: Path) -> Audit:
    return audit_run(RunFolder(run))


def test_run_that_was_stopped_and_resumed_is_clean(stopped: Path) -> None:
    found = audit(stopped)

    assert found.faults == []
    assert (found.status, found.steps, found.epochs) == ("finished", 3 * STEPS_PER_EPOCH, 3)
    assert (found.attempts, found.steps_recomputed) == (2, 0)


def test_run_that_is_stopped_in_the_middle_of_an_epoch_is_clean(data: Path, tmp_path: Path) -> None:
    found = audit(start(tmp_path, JOB, data, stop_at=10))

    assert found.faults == []
    assert found.status == "stopped"
    assert 10 <= found.steps < 3 * STEPS_PER_EPOCH


@pytest.mark.check
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_run_that_was_killed_again_and_again_is_clean(data: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(JOB.replace("DATA", str(data)).replace("every_steps: 5", "every_steps: 1"))
    run = tmp_path / "killed"
    start_and_kill(distnet.run, job, runs=tmp_path, name="killed")
    start_and_kill(distnet.resume, run)
    between = audit(run)
    distnet.resume(run, inline=True)

    found = audit(run)

    assert between.faults == []
    assert between.status == "not ended"
    assert found.faults == []
    assert (found.status, found.attempts, found.epochs) == ("finished", 3, 3)


@pytest.mark.parametrize(("mode", "skipped"), [("skip", 1), ("rewind", 1)])
def test_run_that_skipped_samples_is_clean_and_says_so(
    mode: str, skipped: int, tmp_path: Path
) -> None:
    marked = troubled.write_marked(tmp_path / "data", [7])
    text = job_text(mode).replace("marked", str(marked)).replace("steps: 40", "epochs: 1")
    run = start(tmp_path, text.replace("name: troubled", "name: audited"), marked)

    found = audit(run)

    assert found.faults == []
    assert found.skips == skipped


def test_run_in_windows_is_clean_where_an_attempt_began_in_the_middle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("distnet.data.shard_writer.ROW_GROUP_BYTES", 40 * (12 * 12 + 4))
    data = write_dataset(tmp_path / "data", train=1003, test=20)
    text = JOB.replace('"DATA"', '"DATA", memory: 50KB')
    run = start(tmp_path, text, data, stop_at=STEPS_PER_EPOCH + 6)
    distnet.resume(run, inline=True)

    found = audit(run)

    assert found.faults == []
    assert found.attempts == 2


def first(lines: Lines, kind: str, number: int = 0) -> dict[str, Any]:
    return [line for line in lines if line["kind"] == kind][number]


def without(lines: Lines, kind: str, number: int = 0) -> Lines:
    gone = first(lines, kind, number)
    return [line for line in lines if line is not gone]


def with_changed(kind: str, number: int, **values: Any) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        first(lines, kind, number).update(values)
        return lines

    return change


TAMPERED: dict[str, tuple[Callable[[Lines], Lines], str]] = {
    "an epoch lacks a sample": (with_changed("epoch", 1, samples=1002), "1,002 samples"),
    "an epoch has other samples": (
        with_changed("epoch", 0, samples_hash="0" * 16),
        "not the expected",
    ),
    "an epoch hides the samples it skipped": (
        with_changed("epoch", 0, samples=973, skipped_samples=30),
        "skipped: 30 samples, expected 0",
    ),
    "an epoch is gone": (lambda lines: without(lines, "epoch", 1), "epoch 2 is not recorded"),
    "an epoch ends elsewhere": (with_changed("epoch", 0, step=33), "epoch 1 ends with step 33"),
    "a resumed attempt lacks samples": (with_changed("attempt", 1, samples=3), "3 samples"),
    "a resumed attempt begins elsewhere": (with_changed("attempt", 1, step=37), "step 37"),
    "a resumed attempt has other slices": (with_changed("attempt", 1, slices=3), "3 slices"),
    "the first attempt begins late": (with_changed("attempt", 0, step=5), "begins after step 5"),
    "the first attempt is gone": (lambda lines: without(lines, "attempt"), "start is not recorded"),
    "the end comes early": (with_changed("end", 1, step=50), "after step 50, but"),
    "steps go back": (
        lambda lines: [*lines[:-1], {**first(lines, "step"), "attempt": 2}, lines[-1]],
        "is recorded after step",
    ),
    "nothing is recorded": (lambda _: [], "no attempt is recorded"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_altered_records_are_found_and_their_line_is_named(
    case: str, stopped: Path, tmp_path: Path
) -> None:
    change, said = TAMPERED[case]
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    lines = change(list(read_lines(run)))
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    found = audit(run)

    assert any(said in fault for fault in found.faults), found.faults
    assert all(fault.startswith("metrics.jsonl") for fault in found.faults)


def test_checkpoint_that_is_not_recorded_is_missed(stopped: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    lines = list(read_lines(run))
    began = first(lines, "attempt", 1)["step"]
    kept = [line for line in lines if (line["kind"], line.get("step")) != ("checkpoint", began)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))

    assert any("no checkpoint of that step is recorded" in fault for fault in audit(run).faults)


def test_attempt_that_failed_before_it_began_is_no_fault(stopped: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    lines = [line | {"attempt": {1: 1, 2: 3}[line["attempt"]]} for line in read_lines(run)]
    index = lines.index(first(lines, "attempt", 1))
    step = lines[index]["step"]
    lines.insert(index, {"kind": "end", "attempt": 2, "status": "failed", "step": step})
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    found = audit(run)

    assert found.faults == []
    assert (found.status, found.attempts, found.steps_recomputed) == ("finished", 2, 0)


def test_attempt_that_ended_while_it_evaluated_is_no_fault(stopped: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    lines = list(read_lines(run))
    lines = lines[: lines.index(first(lines, "epoch"))]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    found = audit(run)

    assert found.faults == []
    assert (found.status, found.steps) == ("not ended", STEPS_PER_EPOCH)


def test_epoch_that_was_undone_has_to_be_recorded_again(stopped: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    lines = [line for line in read_lines(run) if line["attempt"] == 1]
    again = [line | {"attempt": 2} for line in lines if line["kind"] != "epoch"]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines + again))

    assert any("epoch 1 is not recorded" in fault for fault in audit(run).faults)


def test_other_data_than_the_run_had_is_found(stopped: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    other = write_dataset(tmp_path / "other", train=1010, test=20)
    (run / "data_manifest.json").write_text(read_manifest(other).to_json())

    assert not audit(run).is_clean


def test_command_ends_with_0_or_3_or_2(
    stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    assert main(["audit", str(run)]) == 0
    assert "is clean" in capsys.readouterr().out

    lines = without(list(read_lines(run)), "epoch")
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["audit", str(run)]) == 3
    assert "epoch 1 is not recorded" in capsys.readouterr().out
    assert main(["audit", str(run), "--json"]) == 3
    printed = json.loads(capsys.readouterr().out)
    assert (printed["clean"], len(printed["faults"])) == (False, 1)

    (run / "data_manifest.json").unlink()
    assert main(["audit", str(run)]) == 2
    assert main(["audit", str(tmp_path / "nothing")]) == 2


@pytest.mark.parametrize("text", ["{}", "no json"])
def test_damaged_manifest_is_named(text: str, stopped: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    (run / "data_manifest.json").write_text(text)

    with pytest.raises(RunError, match="data_manifest"):
        audit(run)


def read_lines(run: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
