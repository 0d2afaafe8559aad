"""How busy the GPU of a worker is, from NVIDIA's management library, which comes with the driver.

torch.cuda.utilization would need one more package for the same call. AMD's GPUs are not measured.
Source: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
"""

import ctypes
from collections.abc import Callable

import torch

LIBRARY = "libnvidia-ml.so.1"


class Utilization(ctypes.Structure):
    """NVML's nvmlUtilization_t: percent of the time in which a kernel ran, or memory was used."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


def gpu_load(device: torch.device) -> Callable[[], float | None] | None:
    """Make the function that reads a device's load, 0 to 1; None if it cannot be read at all."""
    if device.type != "cuda" or torch.version.hip is not None:
        return None
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    return read_load(library, f"GPU-{torch.cuda.get_device_properties(device).uuid}")


def read_load(library: ctypes.CDLL, uuid: str) -> Callable[[], float | None] | None:
    """Make the function that reads the load of the GPU with this UUID."""
    handle = ctypes.c_void_p()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByUUID(
        uuid.encode(), ctypes.byref(handle)
    ):
        return None

    def load() -> float | None:
        """Read it; None for a slice of a GPU (MIG), which NVML does not measure."""
        now = Utilization()
        if library.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(now)):
            return None
        return float(min(now.gpu, 100) / 100)

    return load
