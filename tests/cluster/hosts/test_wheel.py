"""The wheel of the running distnet is one that pip takes, and the same for the same code."""

import io
import sys
import zipfile
from pathlib import Path

import distnet
from distnet.cluster.hosts.wheel import build_wheel, installed_versions

PACKAGE = Path(distnet.__file__).parent


def test_wheel_holds_this_very_code_and_is_reproducible():
    wheel = build_wheel()

    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        names = archive.namelist()
        code = archive.read("distnet/cluster/hosts/wheel.py")
        record = archive.read(next(name for name in names if name.endswith("/RECORD"))).decode()
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA")))
    assert wheel.name.startswith("distnet-")
    assert code == (PACKAGE / "cluster" / "hosts" / "wheel.py").read_bytes()
    assert {line.split(",")[0] for line in record.splitlines()} == set(names)
    assert b"Requires-Dist: ray" in metadata
    assert not any("__pycache__" in name for name in names)
    assert build_wheel().sha256 == wheel.sha256


def test_versions_are_those_of_this_machine():
    names = {line.partition("==")[0].partition("[")[0] for line in installed_versions()}

    assert {"ray", "torch", "pyarrow"} <= names
    assert not any("+" in line for line in installed_versions())
    assert sys.version_info >= (3, 11)
