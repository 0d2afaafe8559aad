"""The GPUs of this machine: their kind, whether distnet can use them, how to wait for them.

NVIDIA's (CUDA) and AMD's (ROCm) are supported; torch names both `cuda`. Intel's (XPU) and Apple's
(MPS) are refused: no worker has ever run there, and MPS has no fp64, which evaluations need.
"""

import socket
from dataclasses import dataclass

import torch

from distnet.errors import NotEnoughResourcesError

SUPPORTED = "distnet computes on NVIDIA GPUs (CUDA), AMD GPUs (ROCm) and CPUs"
KINDS = {"cuda": "CUDA", "xpu": "Intel XPU", "mps": "Apple MPS"}
"""By torch's names, which are the same for CUDA and ROCm."""
GPU_BACKEND = "cpu:gloo,cuda:nccl"
"""How GPUs exchange rows, and CPUs what workers agree on: that must work when a GPU is full."""


@dataclass(frozen=True)
class Accelerators:
    """The accelerators that torch finds on this machine."""

    kind: str
    """`CUDA`, `ROCm`, `Intel XPU`, `Apple MPS`; else torch's name of it."""
    count: int

    @property
    def is_supported(self) -> bool:
        """Whether workers can compute on them."""
        return self.kind in ("CUDA", "ROCm")


def find_accelerators() -> Accelerators | None:
    """The accelerators of this machine; None where torch finds none that works."""
    device = torch.accelerator.current_accelerator(check_available=True)
    if device is None:
        return None
    is_rocm = device.type == "cuda" and torch.version.hip is not None
    kind = "ROCm" if is_rocm else KINDS.get(device.type, device.type)
    return Accelerators(kind, torch.accelerator.device_count())


def count_gpus() -> int:
    """How many GPUs this machine has on which workers can compute."""
    found = find_accelerators()
    return found.count if found is not None and found.is_supported else 0


def require_gpus(wanted: int) -> None:
    """Check that this machine has enough GPUs on which workers can compute.

    Raises:
        NotEnoughResourcesError: it has fewer, or others.
    """
    if wanted and count_gpus() < wanted:
        raise NotEnoughResourcesError(
            f"{describe_gpus()}, expected {wanted}; "
            "set resources.gpus to 0, use fewer workers, or name a cluster with --address"
        )


def describe_gpus() -> str:
    """Say in one sentence which GPUs were found on this machine, and why not more."""
    found = find_accelerators()
    if found is None:
        return f"found no GPU on this machine ({_why_none()})"
    if not found.is_supported:
        return f"found {found.count} {found.kind} device(s) on this machine, but {SUPPORTED}"
    return f"found {found.count} {found.kind} device(s) on this machine"


def claim_gpu(index: int) -> str:
    """Make a GPU this thread's current one; returns its name for torch.

    Raises:
        NotEnoughResourcesError: this machine has none with that index that workers can use.
    """
    found = find_accelerators()
    if found is None or not found.is_supported or index >= found.count:
        raise NotEnoughResourcesError(
            f"{socket.gethostname()}: this worker was assigned GPU {index}, but "
            f"{describe_gpus()}; set resources.gpus to 0, or start this node "
            "of the Ray cluster with --num-gpus=0"
        )
    torch.accelerator.set_device_index(index)
    return f"cuda:{index}"


def wait_for(device: str) -> None:
    """Wait until a GPU has computed what this thread has queued; errors of kernels come up here."""
    if device.startswith("cuda"):
        torch.accelerator.current_stream(torch.device(device)).synchronize()


def describe_worker(rank: int, device: str) -> str:
    """Name a worker, its device and its machine, for messages."""
    return f"worker {rank} ({device} on {socket.gethostname()})"


def _why_none() -> str:
    """Whether torch was built for GPUs at all, or finds no driver."""
    version = torch.__version__
    if torch.version.cuda is not None:
        return f"torch {version} was built for CUDA {torch.version.cuda}; see: nvidia-smi"
    if torch.version.hip is not None:
        return f"torch {version} was built for ROCm {torch.version.hip}; see: rocm-smi"
    return f"torch {version} was built for CPUs only"
