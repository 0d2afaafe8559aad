"""What the bits depend on besides job and data is known of all workers, and kept."""

from pathlib import Path
from typing import Any

import pytest
import torch

from distnet.run_folder.read import read_object
from distnet.run_folder.write import write_json
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.device import fingerprint
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.processes import run_workers
from tests.train.step.test_nonfinite import records
from tests.train.test_bits import assignment

MLP = """
name: kinds
network: {kind: mlp, hidden: [4]}
data: {source: stripes}
train: {steps: STEPS, batch_size: 30, slices: 2}
"""
CNN = """
name: kinds
network: {kind: cnn, channels: [2], hidden: 4}
data: {source: stripes}
train: {steps: STEPS, batch_size: 30, slices: 2, precision: auto}
"""
FLAGS = {"flags": "avx2 avx512_bf16"}


def pretend(instruction_set: str, *, bf16: bool = True) -> None:
    """Let this process find itself on another CPU."""
    flags = "avx2 avx512_bf16" if bf16 else "avx2"
    fingerprint._cpu_info = lambda: {"vendor_id": "AuthenticAMD", "flags": flags}
    torch.backends.cpu.get_cpu_capability = lambda: instruction_set


@pytest.fixture(autouse=True)
def real_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo `pretend` at the end of a test."""
    monkeypatch.setattr(fingerprint, "_cpu_info", fingerprint._cpu_info)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")


def train(group: WorkerGroup, assigned: Any, sets: tuple[str, ...], bf16: tuple[bool, ...]) -> Any:
    pretend(sets[group.rank], bf16=bf16[group.rank])
    return work(assigned, group)


def notes(run: Path) -> list[str]:
    return [record["text"] for record in records(run, "note")]


def run(text: str, data: Path, folder: Path, steps: int, **options: Any) -> Any:
    return assignment(text.replace("STEPS", str(steps)), data, folder, **options)


def test_record_and_checkpoint_say_what_computed(stripes: Path, tmp_path: Path) -> None:
    work(run(MLP, stripes, tmp_path, 2), WorkerGroup())

    [attempt] = records(tmp_path, "attempt")
    [device] = attempt["devices"]
    assert attempt["precision"] == "fp32"
    assert device.pop("workers") == [0]
    assert device["device"] == "cpu"
    assert (device["torch"], device["instruction_set"]) == (torch.__version__, "AVX2")
    assert read_newest(tmp_path / "checkpoints").facts["devices"] == [device]
    assert notes(tmp_path) == []


def test_resume_on_another_kind_of_cpu_is_noted(stripes: Path, tmp_path: Path) -> None:
    pretend("AVX512")
    work(run(MLP, stripes, tmp_path, 2), WorkerGroup())

    pretend("AVX2")
    work(run(MLP, stripes, tmp_path, 4, is_resumed=True), WorkerGroup())

    [note] = notes(tmp_path)
    assert note.startswith(
        "resumed on another kind of worker (instruction set AVX512 -> AVX2): the last bits"
    )


def test_resume_with_other_settings_of_the_libraries_is_noted(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(run(MLP, stripes, tmp_path, 2), WorkerGroup())

    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    work(run(MLP, stripes, tmp_path, 4, is_resumed=True), WorkerGroup())

    [note] = notes(tmp_path)
    assert "(settings none -> MKL_CBWR=COMPATIBLE)" in note


@pytest.mark.check
def test_resume_on_the_same_kind_is_not_noted(stripes: Path, tmp_path: Path) -> None:
    every = ("AVX512", "AVX512"), (True, True)
    run_workers(train, 2, tmp_path, run(MLP, stripes, tmp_path, 2), *every)

    pretend("AVX512")
    work(run(MLP, stripes, tmp_path, 4, is_resumed=True), WorkerGroup())

    assert notes(tmp_path) == []


def test_unlike_workers_of_one_attempt_are_noted(stripes: Path, tmp_path: Path) -> None:
    assigned = run(MLP, stripes, tmp_path, 2)

    run_workers(train, 2, tmp_path, assigned, ("AVX512", "AVX2"), (True, True))

    [note] = notes(tmp_path)
    [attempt] = records(tmp_path, "attempt")
    assert [device["workers"] for device in attempt["devices"]] == [[0], [1]]
    assert "worker 1: instruction set AVX512 -> AVX2" in note
    assert "which worker computes which slice" in note


@pytest.mark.parametrize(("bf16", "decided"), [((True, True), "bf16"), ((True, False), "fp32")])
def test_auto_is_what_all_workers_can_do_and_stays(
    bf16: tuple[bool, bool], decided: str, stripes: Path, tmp_path: Path
) -> None:
    first = run(CNN, stripes, tmp_path, 2)
    write_json(first.folder.plan, {"precision": "auto", "slices": 2})

    hashes = run_workers(train, 2, tmp_path, first, ("AVX512", "AVX512"), bf16)
    pretend("AVX512", bf16=not bf16[1])  # as the launcher's next attempt: it still says auto
    work(run(CNN, stripes, tmp_path, 4, is_resumed=True), WorkerGroup())

    assert len({outcome["weights_sha256"] for outcome in hashes}) == 1
    assert [attempt["precision"] for attempt in records(tmp_path, "attempt")] == [decided] * 2
    assert read_object(first.folder.plan) == {"precision": decided, "slices": 2}
