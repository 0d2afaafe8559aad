"""A wheel of the distnet that runs here: what is installed on the hosts is this very code.

The files of the package and the metadata of its installation are all that a wheel consists of, so
no build tool and no index is needed. The same code gives the same bytes.
"""

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import distnet
from distnet.errors import DistnetError

PACKAGE = Path(distnet.__file__).parent
SINCE = (1980, 1, 1, 0, 0, 0)
"""The time of all files: the earliest that the format has."""
TAG = "py3-none-any"
IGNORED = "__pycache__"


@dataclass(frozen=True)
class Wheel:
    """A wheel in memory."""

    name: str
    """Of its file."""
    data: bytes

    @property
    def sha256(self) -> str:
        """Of its content."""
        return hashlib.sha256(self.data).hexdigest()


def build_wheel() -> Wheel:
    """Build the wheel.

    Raises:
        DistnetError: distnet is not installed here, only copied, so its requirements are unknown.
    """
    metadata = _distribution()
    info = f"distnet-{metadata.version}.dist-info"
    files = dict(_files())
    files[f"{info}/METADATA"] = (metadata.read_text("METADATA") or "").encode()
    files[f"{info}/entry_points.txt"] = (metadata.read_text("entry_points.txt") or "").encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: distnet\nRoot-Is-Purelib: true\nTag: {TAG}\n".encode()
    )
    record = [f"{name},{_record_hash(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    return Wheel(f"distnet-{metadata.version}-{TAG}.whl", _zipped(files))


def installed_versions() -> list[str]:
    """The versions of what distnet needs, as they are installed here: `torch==2.15.0`, ..."""
    found = []
    for requirement in _distribution().requires or ():
        name, _, marker = requirement.partition(";")
        if "extra" in marker:
            continue
        name = name[: next((i for i, c in enumerate(name) if c in "[<>=!~ ("), len(name))]
        try:
            version = distribution(name).version
        except PackageNotFoundError:
            continue
        found.append(f"{name}=={version.partition('+')[0]}")  # +cpu is of this machine
    return sorted(found)


def _distribution() -> Distribution:
    try:
        return distribution("distnet")
    except PackageNotFoundError:
        raise DistnetError(
            "install: distnet runs here from source without being installed, so what it requires "
            "is unknown; install it here with: pip install --editable ."
        ) from None


def _files() -> Iterator[tuple[str, bytes]]:
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and IGNORED not in path.parts:
            yield path.relative_to(PACKAGE.parent).as_posix(), path.read_bytes()


def _record_hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"sha256={digest}"


def _zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, SINCE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
