"""`docker/constraints.txt`: what make and the image install, for every system there is."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "docker" / "requirements.py"
LOCKED = ROOT / "docker" / "constraints.txt"
SYSTEMS = [
    {"python_version": python, "python_full_version": f"{python}.5"} | system
    for python in ("3.11", "3.12", "3.13")
    for system in (
        {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
        {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    )
]


@cache
def printed(*arguments: str) -> list[str]:
    command = [sys.executable, str(PROGRAM), *arguments]
    return subprocess.check_output(command, text=True).splitlines()


def pinned(*arguments: str) -> list[Requirement]:
    """The packages that pip is to install, with their markers."""
    lines = [line for line in printed(*arguments) if not line.startswith(" ")]
    return [Requirement(line.removesuffix("\\")) for line in lines]


def installed(found: list[Requirement], system: dict[str, str]) -> dict[str, str]:
    """Names and versions on a system."""
    here = [one for one in found if one.marker is None or one.marker.evaluate(system)]
    assert len({one.name for one in here}) == len(here)
    return {one.name: str(one.specifier).removeprefix("==") for one in here}


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda one: "-".join(one.values()))
def test_every_system_gets_one_version_of_what_distnet_needs(system: dict[str, str]) -> None:
    wanted = [Requirement(line) for line in printed("--ranges", "check")]

    found = installed(pinned("check"), system)

    for one in wanted:
        if one.name != "pip":  # comes with each Python
            assert one.specifier.contains(found[canonicalize_name(one.name)]), one


def test_every_package_has_hashes_and_none_has_an_address() -> None:
    text = LOCKED.read_text()
    blocks = [block for block in re.split(r"\n(?=\w)", text) if not block.startswith("#")]

    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text


def test_a_run_gets_nothing_that_only_tests_need() -> None:
    run, test, check = ({one.name for one in pinned(*each)} for each in ([], ["dev"], ["check"]))

    assert run < test < check
    assert {"ray", "torch", "torchvision", "numpy", "hatchling"} <= run
    assert {"pytest", "mypy", "ruff", "tokenizers"} <= test - run
    assert {"moto", "boto3", "timm", "transformers", "wandb", "apprise"} <= check - test


def test_an_extra_brings_its_packages_and_theirs() -> None:
    more = {one.name for one in pinned("text")} - {one.name for one in pinned()}

    assert {"tokenizers", "sacrebleu", "portalocker"} <= more
    assert "mido" not in more


def test_a_torch_of_another_index_needs_no_cuda() -> None:
    left_out = {one.name for one in pinned()} - {one.name for one in pinned("--no-torch")}

    assert {"torch", "torchvision", "triton"} <= left_out
    assert all(re.match(r"torch|triton|nvidia-|cuda-", name) for name in left_out)


def test_an_unknown_extra_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        printed("nothing")
