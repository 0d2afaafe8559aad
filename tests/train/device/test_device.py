"""GPUs of every kind are used, or refused with what was found; torch's own functions are faked."""

import pytest
import torch
import torch.distributed as dist
from torch.distributed import distributed_c10d
from torch.testing._internal.distributed import fake_pg  # registers the backend `fake`

from distnet.errors import NotEnoughResourcesError
from distnet.launch.plan import make_plan
from distnet.spec.read import read_job_text
from distnet.train.device.device import GPU_BACKEND, claim_gpu, count_gpus, require_gpus

assert fake_pg

JOB = "name: a\nnetwork: {kind: mlp}\nresources:\n  gpus: 1\n"


class Machine:
    """What torch finds on a machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.current: list[int] = []
        monkeypatch.setattr(torch.accelerator, "set_device_index", self.current.append)

    def has(self, kind: str | None, count: int = 0, *, hip: str | None = None) -> None:
        device = None if kind is None else torch.device(kind)
        self._patch.setattr(torch.accelerator, "current_accelerator", lambda **_: device)
        self._patch.setattr(torch.accelerator, "device_count", lambda: count)
        self._patch.setattr(torch.version, "hip", hip)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.mark.parametrize("hip", [None, "7.2.0"], ids=["cuda", "rocm"])
def test_gpus_of_nvidia_and_amd_are_used(machine: Machine, hip: str | None) -> None:
    machine.has("cuda", 2, hip=hip)

    require_gpus(2)

    assert count_gpus() == 2
    assert claim_gpu(1) == "cuda:1"
    assert machine.current == [1]
    assert make_plan(read_job_text(JOB), inline=True).device == "cuda"


@pytest.mark.parametrize(("kind", "name"), [("xpu", "Intel XPU"), ("mps", "Apple MPS")])
def test_other_accelerators_are_refused_by_name(machine: Machine, kind: str, name: str) -> None:
    machine.has(kind, 1)

    assert count_gpus() == 0
    for refuse in (
        lambda: require_gpus(1),
        lambda: claim_gpu(0),
        lambda: make_plan(read_job_text(JOB), inline=True),
    ):
        with pytest.raises(NotEnoughResourcesError) as caught:
            refuse()
        assert f"found 1 {name} device" in str(caught.value)
        assert "NVIDIA GPUs (CUDA), AMD GPUs (ROCm) and CPUs" in str(caught.value)
        assert "resources.gpus" in str(caught.value)


def test_missing_gpu_is_explained(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has(None)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(NotEnoughResourcesError, match=r"was built for CUDA 13\.0; see: nvidia-smi"):
        require_gpus(1)

    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(NotEnoughResourcesError, match="was built for CPUs only"):
        require_gpus(1)
    require_gpus(0)


def test_gpu_that_ray_counts_but_torch_does_not_find_is_refused(machine: Machine) -> None:
    machine.has("cuda", 1)

    with pytest.raises(
        NotEnoughResourcesError, match="this worker was assigned GPU 1, but found 1 CUDA"
    ):
        claim_gpu(1)


def test_objects_travel_over_the_cpus_backend() -> None:
    """What workers agree on must not need memory of a full GPU."""
    store, backend = dist.HashStore(), GPU_BACKEND.replace("nccl", "fake")
    dist.init_process_group(backend, store=store, rank=0, world_size=1)
    try:
        assert distributed_c10d._get_object_coll_device() == "cpu"
        assert dist.get_backend_config() == backend
    finally:
        dist.destroy_process_group()


def test_tf32_needs_a_gpu() -> None:
    with pytest.raises(Exception, match=r"job.yaml:3 train.precision: found tf32, expected fp32"):
        read_job_text("name: a\nnetwork: {kind: mlp}\ntrain: {precision: tf32}\n")
