"""Portable bits: one instruction set for all x86 CPUs with AVX2.

`train.bits: portable` keeps torch, MKL and oneDNN from using what some CPUs have beyond AVX2. They
read that from the environment when they first compute, so it is set before torch is imported: in
the environment of Ray's workers, and in this process for an inline run. This file imports no torch
by itself.
"""

import os
from collections.abc import Callable

from distnet.errors import DistnetError, NotEnoughResourcesError, RunError
from distnet.spec.sections.job import Job

INSTRUCTION_SET = "AVX2"
PORTABLE = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
"""torch's own kernels, matrix products, and convolutions."""


def environment_of(job: Job) -> dict[str, str]:
    """What the environment of a job's workers must hold."""
    return dict(PORTABLE) if job.train.bits == "portable" else {}


def fix_instruction_set(job: Job, in_use: Callable[[], str] | None = None) -> None:
    """Set this process's environment for an inline run; does nothing for other jobs.

    Args:
        job: the job.
        in_use: says which instruction set torch uses; None before torch is imported.

    Raises:
        RunError: torch has computed with another one before; the environment stays as it was.
        NotEnoughResourcesError: this CPU does not have it.
    """
    settings = environment_of(job)
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        if in_use is not None:
            require_instruction_set(job, in_use)
    except DistnetError:
        for name, value in before.items():
            del os.environ[name]
            os.environ.update({} if value is None else {name: value})
        raise


def require_instruction_set(job: Job, in_use: Callable[[], str]) -> None:
    """Check that a worker of a job with portable bits computes with AVX2.

    Args:
        job: the job.
        in_use: says which instruction set torch uses; called only where that matters.

    Raises:
        RunError: torch has computed with another one in this process before.
        NotEnoughResourcesError: this CPU does not have it.
    """
    if job.train.bits != "portable":
        return
    found = in_use()
    if found == INSTRUCTION_SET:
        return
    if found.startswith("AVX512"):
        wanted = " ".join(f"{name}={value}" for name, value in PORTABLE.items())
        raise RunError(
            f"train.bits: portable, but torch already computes with {found} in this process; "
            f"train in a new process, start this one with {wanted}, or omit --inline"
        )
    raise NotEnoughResourcesError(
        f"train.bits: portable needs a CPU with {INSTRUCTION_SET}, but torch found {found} here; "
        "set train.bits to native, or use other nodes"
    )
