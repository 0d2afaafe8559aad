"""What a job needs on the nodes beside distnet: packages of Python, and environment variables."""

import re
from typing import Annotated

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

FILE_ENDS = (".txt", ".in")
EXAMPLE = "packages: requirements.txt"
REACHED = ("http://", "https://", "git+https://", "git+http://", "git+ssh://")
"""Beginnings of addresses that every node reaches."""
PASSWORD = re.compile(r"://[^/\s@]*:(?!\$\{)[^/\s@]+@")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
REFUSED = {
    "Ray's own settings are those of its cluster": ("RAY_",),
    "distnet sets its own variables": ("DISTNET_",),
    "how nodes reach one another is theirs: set it where `distnet run` or the node's Ray starts": (
        *("GLOO_", "NCCL_", "RCCL_", "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE"),
        "LOCAL_RANK",
    ),
    "Ray gives each worker its own GPU (resources.gpus)": (
        *("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
        *("NVIDIA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL"),
    ),
    "train.threads_per_slice is the number of threads": ("OMP_", "KMP_", "GOMP_", "OPENBLAS_"),
    "it changes the last bits; see train.bits, train.precision and train.determinism": (
        *("ATEN_", "MKL_", "ONEDNN_", "DNNL_", "CUBLAS_", "CUBLASLT_", "CUDNN_", "TORCH_CUDNN_"),
        *("TORCH_BLAS_", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
    ),
    "which Python code runs is decided by `files` and `packages`": ("PYTHON", "VIRTUAL_ENV"),
    "which programs and libraries run is decided by the node": ("LD_", "DYLD_", "PATH", "HOME"),
}
"""By reason: names of variables, and beginnings of names (those that end in `_`, and PYTHON)."""


def _requirement(text: str) -> str:
    try:
        address = Requirement(text).url
    except InvalidRequirement:
        raise ValueError(
            f"expected a package as in timm==1.0.20; pip's options go into a file: {EXAMPLE}"
        ) from None
    if address is not None and not address.startswith(REACHED):
        raise ValueError(
            "expected an address that every node reaches, such as https://...; a wheel of your own "
            f"is found by --find-links in a file: {EXAMPLE}"
        )
    refuse_password(text)
    return text


def refuse_password(text: str) -> None:
    """Refuse an address with a password.

    Raises:
        ValueError: it has one.
    """
    if PASSWORD.search(text):
        raise ValueError(
            "found a password in an address, expected none, as job files are stored and shown; "
            "write ${NAME} there, and forward that variable by its name: `env: {NAME: null}`"
        )


def _requirements_file(text: str) -> str:
    if not text.endswith(FILE_ENDS):
        raise ValueError(
            "expected a list, as in [timm==1.0.20], or the name of a requirements file, which "
            "ends in .txt"
        )
    return text


def _form(value: object) -> str:
    return "file" if isinstance(value, str) else "list"


def _name(text: str) -> str:
    if not VARIABLE.fullmatch(text):
        raise ValueError("expected the name of a variable: letters, digits and underscores")
    for reason, names in REFUSED.items():
        for name in names:
            is_prefix = name.endswith("_") or name == "PYTHON"
            if text == name or (is_prefix and text.startswith(name)):
                raise ValueError(f"found `{text}`, which a job cannot set: {reason}")
    return text


def _value(value: object) -> object:
    if isinstance(value, str) and "\0" in value:
        raise ValueError("expected text without a null character")
    if value is not None and not isinstance(value, str):
        raise ValueError("expected text in quotes, or null to forward the variable by its name")
    return value


PackageName = Annotated[str, Field(max_length=1000), AfterValidator(_requirement)]
Packages = Annotated[
    Annotated[tuple[PackageName, ...], Field(max_length=200), Tag("list")]
    | Annotated[str, Field(max_length=1000), AfterValidator(_requirements_file), Tag("file")],
    Discriminator(_form),
]
Variables = Annotated[
    dict[
        Annotated[str, Field(max_length=200), AfterValidator(_name)],
        Annotated[Annotated[str, Field(max_length=10_000)] | None, BeforeValidator(_value)],
    ],
    Field(max_length=200),
]
