"""How the device computes: deterministic operations, and fp32 that is fp32.

    determinism: exact   every operation gives the same bits every time, or raises
    determinism: warn    what cannot do that warns instead; attention's backward pass, among others,
                         then takes torch's faster, non-deterministic way
    precision: tf32      fp32 products are computed as TF32, with 10 bits of mantissa

torch's own default is TF32 in convolutions and fp32 in matrix products.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from distnet.spec.sections.job import Train
from distnet.train.device.kernels import deterministic_kernels

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
WORKSPACES = ":4096:8"
"""Source: cuBLAS's notes on reproducibility. It is read when a GPU is first used."""
OPERATIONS = (
    ("cuda", "matmul"),
    ("cuda", "conv"),
    ("cuda", "rnn"),
    ("mkldnn", "matmul"),
    ("mkldnn", "conv"),
    ("mkldnn", "rnn"),
)
"""Backend and kind of operation, each with a precision of its own for fp32 operands."""


@contextmanager
def arithmetic(train: Train, device: str, precision: str) -> Iterator[None]:
    """Compute as a job says; torch's settings are put back at the end.

    Args:
        train: the job's section.
        device: where this worker computes: `cpu`, `cuda:0`.
        precision: `fp32`, `tf32` or `bf16`.
    """
    is_gpu = device.startswith("cuda")
    with ExitStack() as stack:
        stack.enter_context(_fp32("tf32" if precision == "tf32" else "ieee"))
        if is_gpu or train.threads_per_slice > 1:  # one thread of a CPU has one order of additions
            stack.enter_context(_deterministic(train.determinism))
        if is_gpu and train.determinism == "exact":
            stack.enter_context(deterministic_kernels())
        yield


def prepare_libraries() -> None:
    """Set what libraries read when they are first used; call this before anything is computed."""
    os.environ.setdefault(WORKSPACE, WORKSPACES)


@contextmanager
def _deterministic(mode: str) -> Iterator[None]:
    cudnn: Any = torch.backends.cudnn
    fill: Any = torch.utils.deterministic
    before = torch.get_deterministic_debug_mode()
    flags = cudnn.benchmark, cudnn.deterministic, fill.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=mode == "warn")
    cudnn.benchmark, cudnn.deterministic, fill.fill_uninitialized_memory = False, True, False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        cudnn.benchmark, cudnn.deterministic, fill.fill_uninitialized_memory = flags


@contextmanager
def _fp32(precision: str) -> Iterator[None]:
    """Have every library compute fp32 as `ieee`; on GPUs as `tf32` where a job says so."""
    before = {of: torch._C._get_fp32_precision_getter(*of) for of in OPERATIONS}
    _write_fp32({of: precision if of[0] == "cuda" else "ieee" for of in OPERATIONS})
    try:
        yield
    finally:
        _write_fp32(before)


def _write_fp32(precisions: Mapping[tuple[str, str], str]) -> None:
    """Set torch's new settings and its old ones: its compiler raises where they disagree."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old ones are deprecated
        torch.backends.cuda.matmul.allow_tf32 = precisions["cuda", "matmul"] == "tf32"
        torch.backends.cudnn.allow_tf32 = precisions["cuda", "conv"] == "tf32"
    for of, precision in precisions.items():
        torch._C._set_fp32_precision_setter(*of, precision)
