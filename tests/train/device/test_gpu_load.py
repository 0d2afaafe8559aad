"""The load of a GPU is read from NVIDIA's library; here from one that stands in for it."""

import ctypes
from typing import Any

import torch

from distnet.train.device.gpu_load import gpu_load, read_load


class Library:
    """NVML with one GPU."""

    def __init__(self, *, gpu: int = 0, error: int = 0) -> None:
        self.gpu, self.error = gpu, error

    def nvmlInit_v2(self) -> int:  # noqa: N802
        return 0

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, handle: Any) -> int:  # noqa: N802
        return 0 if uuid == b"GPU-1" else 6

    def nvmlDeviceGetUtilizationRates(self, handle: ctypes.c_void_p, found: Any) -> int:  # noqa: N802
        found._obj.gpu = self.gpu
        return self.error


def test_load_is_a_share() -> None:
    library: Any = Library(gpu=75)
    load = read_load(library, "GPU-1")

    assert load is not None
    assert load() == 0.75
    library.error = 3
    assert load() is None


def test_a_gpu_that_the_library_does_not_know_has_no_load() -> None:
    library: Any = Library()

    assert read_load(library, "GPU-2") is None


def test_a_cpu_has_no_load() -> None:
    assert gpu_load(torch.device("cpu")) is None
