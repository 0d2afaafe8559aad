"""Requirements files: what is taken, what is refused with its line."""

from importlib.metadata import version
from pathlib import Path

import pytest

from distnet.errors import JobFileError, PackageError
from distnet.spec.code.collect import own_code
from distnet.spec.packages.pinned import pinned, refuse_other_versions
from distnet.spec.packages.requirements import (
    Requirements,
    read_requirements,
    requirements_of,
    requirements_of_lines,
)
from distnet.spec.read import read_job_text

JOB = "name: it\nnetwork: {kind: mlp}\npackages: requirements.txt\n"


def test_packages_options_comments_and_long_lines_are_read() -> None:
    text = """\
# what the network needs
-i https://index.lab/simple   # ours
--extra-index-url=https://${TOKEN}@more.lab/simple
-f wheels
--pre
timm==1.0.20 ; python_version > "3.8"   # images
einops \\
    >=0.8
git+https://code.lab/net.git is no package
"""
    found, faults = read_requirements(text)

    assert found.packages == ('timm==1.0.20 ; python_version > "3.8"', "einops     >=0.8")
    assert found.options == (
        "--index-url https://index.lab/simple",
        "--extra-index-url https://${TOKEN}@more.lab/simple",
        "--find-links wheels",
        "--pre",
    )
    assert [fault.line for fault in faults] == [9]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("-r more.txt", "found `-r more.txt`, expected a package, or one of --index-url"),
        ("-e .", "expected a package, or one of"),
        ("--find-links", "expected a package, or one of"),
        ("./net-1.0.whl", "expected a package as in timm==1.0.20"),
        ("net @ file:///home/ada/net.whl", "expected an address that every node reaches"),
        ("-i https://ada:secret@index.lab", "found a password in an address"),
        ("net @ https://ada:secret@code.lab/n.whl", "found a password in an address"),
        ("timm==1.0 --hash=sha256:ab", "expected a package as in timm==1.0.20"),
    ],
)
def test_what_other_machines_cannot_use_is_refused(line: str, wrong: str) -> None:
    (fault,) = read_requirements(f"einops\n\n{line}\n")[1]

    assert fault.line == 3
    assert wrong in fault.message
    assert "secret" not in fault.message


def test_relative_folders_are_those_of_the_job_file_and_belong_to_its_code(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "net.whl").write_bytes(b"one")
    (tmp_path / "requirements.txt").write_text("-f wheels\n-f /shared/wheels\nnet\n")
    file = read_job_text(JOB, folder=tmp_path)

    assert list(own_code(file).hashes) == ["requirements.txt", "wheels/net.whl"]
    found = requirements_of(file.job.packages, tmp_path)
    assert found.resolved(tmp_path) == (
        f"--find-links {tmp_path}/wheels",
        "--find-links /shared/wheels",
        "net",
    )
    before = found.found_beside(tmp_path)
    (tmp_path / "wheels" / "net.whl").write_bytes(b"two")
    assert found.found_beside(tmp_path) != before
    assert requirements_of_lines(found.lines) == found


def test_faults_of_the_file_are_faults_of_the_job_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("einops\n-e .\n=\n")

    with pytest.raises(JobFileError) as error:
        own_code(read_job_text(JOB, path=tmp_path / "it.yaml"))

    first, second = str(error.value).splitlines()
    assert "it.yaml:3 packages: requirements.txt:2: found `-e .`" in first
    assert "it.yaml:3 packages: requirements.txt:3: found" in second


def test_a_missing_file_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match=r"it.yaml:3 packages: found no file .*requirements.txt"):
        own_code(read_job_text(JOB, path=tmp_path / "it.yaml"))


def test_what_distnet_stands_on_keeps_its_version() -> None:
    torch = version("torch")
    assert {"distnet", "torch", "ray", "numpy", "pandas", "pydantic-core"} <= pinned().keys()

    refuse_other_versions(Requirements((f"torch=={torch}", "numpy>=1", "surely-not-installed==3")))
    refuse_other_versions(Requirements(("numpy==1.0; python_version < '3'",)))
    with pytest.raises(PackageError, match=rf"found torch==1.0, expected torch=={torch}.*numpy=="):
        refuse_other_versions(Requirements(("torch==1.0", "numpy @ https://code.lab/numpy.whl")))
