"""What the last bits of the weights depend on besides job and data: device, libraries, CPU.

The fingerprints of all workers are gathered when an attempt begins. They are in its record and in
its checkpoints, so that a run that was moved to something else says so.
"""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import torch

from distnet.run_folder.records.recorder import Record

LABELS = {
    "device": "device",
    "capability": "capability",
    "cpu": "CPU",
    "instruction_set": "instruction set",
    "bf16": "bf16 in hardware",
    "torch": "torch",
    "toolkit": "CUDA or ROCm",
    "cudnn": "cuDNN",
    "settings": "settings",
}
"""What each part is called in notes."""
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}
OF_CPU = (
    *("MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE"),
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"),
    *("MKL_DYNAMIC", "OMP_DYNAMIC", "OMP_THREAD_LIMIT"),
)
OF_GPU = (
    *("CUBLAS_WORKSPACE_CONFIG", "CUBLAS_EMULATE_SINGLE_PRECISION", "CUBLAS_EMULATION_STRATEGY"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_BLAS_PREFER_CUBLASLT", "TORCH_BLAS_PREFER_HIPBLASLT"),
    *("ROCBLAS_INTERNAL_FP16_ALT_IMPL", "MIOPEN_FIND_MODE", "MIOPEN_FIND_ENFORCE"),
)
"""Variables by which libraries choose among kernels, whose last bits differ."""


@dataclass(frozen=True, order=True)
class Fingerprint:
    """A kind of worker: two workers with equal fingerprints compute the same bits."""

    device: str
    """`cpu`, or the name of the GPU."""
    capability: str
    """Of the GPU, such as `9.0` or `gfx942`; empty on a CPU."""
    cpu: str
    """The maker of the CPU, or its architecture; matrix products depend on it."""
    instruction_set: str
    """What torch uses of the CPU: `AVX2`, `AVX512`, ..."""
    bf16: bool
    """Whether the hardware multiplies bf16 by itself."""
    torch: str
    toolkit: str
    """The version of CUDA or ROCm; empty on a CPU."""
    cudnn: str
    """The version of cuDNN or MIOpen; empty on a CPU."""
    settings: str
    """The environment's, by which libraries choose their kernels: `MKL_CBWR=AVX2`."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Any) -> "Fingerprint | None":
        """Read one from plain values; None if they are of another version of distnet."""
        names = {field.name for field in fields(cls)}
        return cls(**facts) if isinstance(facts, dict) and facts.keys() == names else None

    def __str__(self) -> str:
        parts = [(name, value) for name, value in self._parts() if value not in ("", False)]
        return ", ".join(name if value is True else f"{name} {value}" for name, value in parts)

    def differences(self, other: "Fingerprint") -> list[str]:
        """What differs, as `torch 2.14.1 -> 2.15.0`."""
        pairs = zip(self._parts(), other._parts(), strict=True)
        return [f"{name} {_said(a)} -> {_said(b)}" for (name, a), (_, b) in pairs if a != b]

    def _parts(self) -> list[tuple[str, Any]]:
        return [(label, getattr(self, name)) for name, label in LABELS.items()]


def read_fingerprint(device: str) -> Fingerprint:
    """The fingerprint of this process, computing on `device`."""
    if device.startswith("cuda"):
        return _with_cpu(device, **_of_gpu(device))
    bf16, settings = _cpu_has_bf16(), _settings(OF_CPU)
    return _with_cpu("cpu", capability="", bf16=bf16, toolkit="", cudnn="", settings=settings)


def grouped(fingerprints: Iterable[Fingerprint]) -> dict[Fingerprint, list[int]]:
    """The ranks of each kind of worker."""
    kinds: dict[Fingerprint, list[int]] = {}
    for rank, fingerprint in enumerate(fingerprints):
        kinds.setdefault(fingerprint, []).append(rank)
    return kinds


def records(fingerprints: Sequence[Fingerprint]) -> list[Record]:
    """The kinds of workers, as in the record of an attempt."""
    kinds = grouped(fingerprints).items()
    return [{**kind.to_dict(), "workers": ranks} for kind, ranks in kinds]


def unlike_note(fingerprints: Sequence[Fingerprint]) -> str | None:
    """Say that the workers of an attempt differ, if they do."""
    (first, ranks), *others = grouped(fingerprints).items()
    if not others:
        return None
    said = [f"{_ranks(ranks)}: {first}"]
    said += [f"{_ranks(some)}: {'; '.join(first.differences(kind))}" for kind, some in others]
    return (
        f"the workers are not alike ({'. '.join(said)}): the last bits of the weights depend on "
        "which worker computes which slice"
    )


def moved_note(before: Any, now: Sequence[Fingerprint]) -> str | None:
    """Say that a run continues on workers that differ from those of its checkpoint, if they do.

    Args:
        before: `distinct` of the checkpoint, as read; anything else in one of an older version.
        now: the fingerprints of all workers.
    """
    known = [Fingerprint.of(facts) for facts in before] if isinstance(before, list) else []
    old = sorted(kind for kind in known if kind is not None)
    new = sorted(set(now))
    if not old or set(new) <= set(old):
        return None
    another = next(kind for kind in new if kind not in old)
    what = "; ".join(old[0].differences(another))
    return (
        f"resumed on another kind of worker ({what}): the last bits of the weights may differ from "
        "those of a run that stays where it began"
    )


def distinct(fingerprints: Iterable[Fingerprint]) -> list[dict[str, Any]]:
    """The kinds of workers, as in a checkpoint: the same for any number of workers."""
    return [kind.to_dict() for kind in sorted(set(fingerprints))]


def _with_cpu(name: str, **facts: Any) -> Fingerprint:
    return Fingerprint(
        device=facts.pop("name", name),
        cpu=_cpu_info().get("vendor_id") or platform.machine(),
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        torch=torch.__version__,
        **facts,
    )


def _settings(names: Iterable[str]) -> str:
    return " ".join(f"{name}={os.environ[name]}" for name in names if os.environ.get(name))


def _of_gpu(device: str) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(device)
    is_rocm = torch.version.hip is not None
    cudnn: Any = torch.backends.cudnn
    capability = f"{properties.major}.{properties.minor}"
    return {
        "name": properties.name,
        "capability": getattr(properties, "gcnArchName", capability) if is_rocm else capability,
        "bf16": torch.cuda.is_bf16_supported(including_emulation=False),
        "toolkit": torch.version.hip or torch.version.cuda or "",
        "cudnn": str(cudnn.version() or ""),
        "settings": _settings(OF_GPU),
    }


def _cpu_has_bf16() -> bool:
    return not BF16_FLAGS.isdisjoint(_cpu_info().get("flags", "").split())


@cache
def _cpu_info() -> dict[str, str]:
    """What the kernel says of the first CPU; empty where it is not Linux."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n", 1)[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _ranks(ranks: Sequence[int]) -> str:
    return f"worker{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}"


def _said(value: Any) -> str:
    return {"": "none", True: "yes", False: "no"}.get(value, str(value))
