"""The script for the first hour on a GPU, run on the CPU as far as that goes.

Nobody has a GPU at hand when the package changes. What the script calls, reads and expects is tried
here, so that its first hour is not spent on the script.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from tests.datasets import stripes
from tests.gpu import first_hour, workloads

__all__ = ["stripes"]

CPU_NETWORKS = {name: first_hour.NETWORKS[name] for name in ("cnn", "attention")}
SMALLER = {
    "CONTEXT, VOCABULARY, CLASSES = 1024, 50_304, 1000": "CONTEXT, VOCABULARY, CLASSES = 8, 50, 10",
    "width: int = 768, heads: int = 12, num_blocks: int = 12": (
        "width: int = 16, heads: int = 2, num_blocks: int = 1"
    ),
    "resnet50()": "resnet18(num_classes=CLASSES)",
    "import resnet50": "import resnet18",
    "3, 224, 224": "3, 32, 32",
}


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the CPU for the GPU."""
    monkeypatch.setattr(first_hour, "DEVICE", "cpu")
    monkeypatch.setattr(first_hour, "RESOURCES", "resources: {gpus: 0}")
    for name in ("set_sync_debug_mode", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


@pytest.mark.parametrize("network", CPU_NETWORKS.values(), ids=CPU_NETWORKS.keys())
def test_slice_is_computed(network: str, stripes: Path, tmp_path: Path) -> None:
    first_hour.test_slice_waits_for_nothing(network, stripes, tmp_path)


@pytest.mark.check
def test_bits_are_repeated(stripes: Path, tmp_path: Path) -> None:
    network = first_hour.NETWORKS["attention"]

    first_hour.test_bits_are_the_same_when_repeated(network, "fp32", stripes, tmp_path)


@pytest.mark.check
def test_run_is_killed_and_resumed(stripes: Path, tmp_path: Path) -> None:
    first_hour.test_bits_are_the_same_after_a_kill(stripes, tmp_path)


@pytest.mark.check
def test_faults_begin_where_there_is_a_gpu(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan tries networks out on the CPU: there they must not fail."""
    (tmp_path / "faults.py").write_text(first_hour.FAULTS)
    for kind in ("Greedy", "OutOfRange"):
        text = first_hour.job_text(f"{{kind: ./faults.py:{kind}}}", stripes)
        assert first_hour.train(text, tmp_path, f"cpu-{kind.lower()}")["status"] == "finished"

    def is_training(record: dict[str, Any]) -> None:
        monkeypatch.setattr(torch, "has_begun", record["kind"] == "attempt", raising=False)

    late = first_hour.FAULTS.replace("x.is_cuda", "getattr(torch, 'has_begun', False)")
    monkeypatch.setattr(first_hour, "FAULTS", late)
    run = first_hour.train
    monkeypatch.setattr(first_hour, "train", lambda *given: run(*given, listener=is_training))
    first_hour.test_memory_that_runs_out_is_reported_as_such(stripes, tmp_path)


@pytest.mark.check
@pytest.mark.parametrize(("network", "task"), [("ResNet50", "Images"), ("Gpt", "Tokens")])
def test_speed_is_measured(
    network: str, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_hour, "workloads", smaller_workloads(tmp_path))
    monkeypatch.setattr(first_hour, "STEPS", 2)
    monkeypatch.setattr(first_hour, "WARM_UP", 1)
    begin = dist.init_process_group
    monkeypatch.setattr(dist, "init_process_group", lambda _, **given: begin("gloo", **given))
    monkeypatch.setattr(
        first_hour, "DistributedDataParallel", lambda own, **_: DistributedDataParallel(own)
    )

    first_hour.test_speed_beside_ddp(network, task, 4, tmp_path)


def smaller_workloads(folder: Path) -> ModuleType:
    """The same module with small networks and samples."""
    text = Path(workloads.__file__).read_text()
    for large, small in SMALLER.items():
        assert large in text
        text = text.replace(large, small)
    path = folder / "workloads.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("smaller_workloads", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
