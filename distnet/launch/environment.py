"""The environment of a run: what is needed to get the same bits again."""

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import torch

PACKAGES = ("distnet", "torch", "torchvision", "ray", "pyarrow", "numpy", "safetensors")


def read_environment(data_sha256: str, folder: Path) -> dict[str, Any]:
    """Describe this machine and its libraries.

    Args:
        data_sha256: the identity of the dataset.
        folder: the user's, for its git commit.
    """
    return {
        **{name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "num_cpus": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": _gpus(),
        "git_commit": _git_commit(folder),
        "data_sha256": data_sha256,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(li.split(":", 1)[1].strip() for li in lines if li.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _gpus() -> list[str]:
    if not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _git_commit(folder: Path) -> str | None:
    """The commit of the user's folder, marked if files have changed since."""
    git = ["git", "-C", str(folder)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, timeout=5, check=False
        )
        if commit.returncode != 0:
            return None
        changed = subprocess.run(
            [*git, "status", "--porcelain", "-uno"], capture_output=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return commit.stdout.decode().strip() + (" (changed)" if changed.stdout.strip() else "")
