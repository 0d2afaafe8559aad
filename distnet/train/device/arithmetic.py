"""How the device computes: deterministic operations, and fp32 that is fp32.

    determinism: exact   every operation gives the same bits every time, or raises
    determinism: warn    what cannot do that warns instead; attention's backward pass, among others,
                         then takes torch's faster, non-deterministic way
    precision: tf32      fp32 products are computed as TF32, with 10 bits of mantissa

torch's own default is TF32 in convolutions and fp32 in matrix products.

A user's file may set for the whole process how many threads compute, or that denormal numbers are
flushed to 0. Both change the last bits: the job's threads are set again, and denormals are kept.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch

from distnet.spec.sections.job import Train
from distnet.train.device.kernels import deterministic_kernels

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
WORKSPACES = ":4096:8"
"""Source: cuBLAS's notes on reproducibility. It is read when a GPU is first used."""
DENORMAL = 1e-40
OPERATIONS = (
    ("cuda", "matmul"),
    ("cuda", "conv"),
    ("cuda", "rnn"),
    ("mkldnn", "matmul"),
    ("mkldnn", "conv"),
    ("mkldnn", "rnn"),
)
"""Backend and kind of operation, each with a precision of its own for fp32 operands."""


@dataclass(frozen=True)
class Settings:
    """Those of torch, for the whole process, that change the last bits."""

    threads: int
    """That compute one operation."""
    are_denormals_flushed: bool
    determinism: int
    """0: off, 1: warn, 2: raise."""
    is_cudnn_deterministic: bool
    is_cudnn_benchmarked: bool
    fills_memory: bool
    """Whether new tensors are filled while determinism is on, which costs time."""
    fp32: Mapping[tuple[str, str], str]
    """For each of `OPERATIONS`: `none`, `ieee`, `tf32`, ..."""

    @classmethod
    def read(cls) -> "Settings":
        """Those in use."""
        cudnn, memory = _backends()
        return cls(
            threads=torch.get_num_threads(),
            are_denormals_flushed=not torch.tensor([DENORMAL], dtype=torch.float32).mul(1).item(),
            determinism=torch.get_deterministic_debug_mode(),
            is_cudnn_deterministic=cudnn.deterministic,
            is_cudnn_benchmarked=cudnn.benchmark,
            fills_memory=memory.fill_uninitialized_memory,
            fp32={of: torch._C._get_fp32_precision_getter(*of) for of in OPERATIONS},
        )

    def write(self) -> None:
        """Use these."""
        cudnn, memory = _backends()
        torch.set_num_threads(self.threads)
        torch.set_flush_denormal(self.are_denormals_flushed)
        torch.set_deterministic_debug_mode(self.determinism)
        cudnn.deterministic, cudnn.benchmark = (
            self.is_cudnn_deterministic,
            self.is_cudnn_benchmarked,
        )
        memory.fill_uninitialized_memory = self.fills_memory
        _write_fp32(self.fp32)


@contextmanager
def settings_kept() -> Iterator[None]:
    """Put torch's settings back at the end, whatever a user's file sets when it is read."""
    before = Settings.read()
    try:
        yield
    finally:
        before.write()


@contextmanager
def arithmetic(train: Train, device: str, precision: str) -> Iterator[None]:
    """Compute as a job says; torch's settings are put back at the end.

    Args:
        train: the job's section.
        device: where this worker computes: `cpu`, `cuda:0`.
        precision: `fp32`, `tf32` or `bf16`.
    """
    is_gpu = device.startswith("cuda")
    is_exact = is_gpu and train.determinism == "exact"
    with settings_kept():
        _settings(train, precision, is_gpu=is_gpu).write()
        with deterministic_kernels() if is_exact else nullcontext():
            yield


def prepare_libraries() -> None:
    """Set what libraries read when they are first used; call this before anything is computed."""
    os.environ.setdefault(WORKSPACE, WORKSPACES)


def _settings(train: Train, precision: str, *, is_gpu: bool) -> Settings:
    """Have every library compute fp32 as `ieee`; on GPUs as `tf32` where a job says so."""
    on_gpu = "tf32" if precision == "tf32" else "ieee"
    wanted = replace(
        Settings.read(),
        threads=train.threads_per_slice,
        are_denormals_flushed=False,
        fp32={of: on_gpu if of[0] == "cuda" else "ieee" for of in OPERATIONS},
    )
    if not is_gpu and train.threads_per_slice == 1:  # a CPU's one thread has one order of additions
        return wanted
    return replace(
        wanted,
        determinism=1 if train.determinism == "warn" else 2,
        is_cudnn_deterministic=True,
        is_cudnn_benchmarked=False,
        fills_memory=False,
    )


def _backends() -> tuple[Any, Any]:
    return torch.backends.cudnn, torch.utils.deterministic


def _write_fp32(precisions: Mapping[tuple[str, str], str]) -> None:
    """Set torch's new settings and its old ones: its compiler raises where they disagree."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old ones are deprecated
        torch.backends.cuda.matmul.allow_tf32 = precisions["cuda", "matmul"] == "tf32"
        torch.backends.cudnn.allow_tf32 = precisions["cuda", "conv"] == "tf32"
    for of, precision in precisions.items():
        torch._C._set_fp32_precision_setter(*of, precision)
