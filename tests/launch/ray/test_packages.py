"""Packages that a job brings along: the same for every way to train it, and afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.errors import PackageError, VariableError
from distnet.run_folder.paths import RunFolder
from distnet.spec.packages.requirements import Requirements
from distnet.spec.packages.use import use_packages
from distnet.trained.load import load_trained
from tests.launch.job_with_packages import write_job_with_packages
from tests.spec.packages.wheels import write_wheel

pytestmark = [pytest.mark.ray, pytest.mark.check]


def attempts(folder: RunFolder) -> list[dict[str, Any]]:
    records = map(json.loads, folder.metrics.read_text().splitlines())
    return [record for record in records if record["kind"] == "attempt"]


def test_workers_on_ray_and_inline_use_the_packages_of_the_job(
    tmp_path: Path,
    ray_address: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    job, runs = write_job_with_packages(tmp_path), tmp_path / "runs"

    inline = distnet.run(job, inline=True, runs=runs)
    assert "installing packages: dntiny>=1" in capsys.readouterr().err
    use_packages(Requirements(), tmp_path)
    part = distnet.run(job, address=ray_address, runs=runs, name="p", overrides=["train.steps=9"])
    assert "installing" not in capsys.readouterr().err

    (first,) = attempts(inline.folder)
    assert (first["packages"], first["packages_seconds"] > 0) == (["dntiny==1.0"], True)
    (second,) = attempts(part.folder)
    assert (second["packages"], second["packages_seconds"]) == (["dntiny==1.0"], 0)

    # Elsewhere, and with a newer version beside the job file: the run keeps the one it began with.
    write_wheel(tmp_path / "wheels", "dntiny", "2.0", "def hidden():\n    return 9\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    with pytest.warns(distnet.errors.CodeWarning, match="dntiny-2.0-py3-none-any.whl is new"):
        resumed = distnet.resume(
            part.folder.path, address=ray_address, overrides=["train.steps=20"]
        )
    assert resumed.result["weights_sha256"] == inline.result["weights_sha256"]
    assert attempts(resumed.folder)[-1]["packages"] == ["dntiny==1.0"]

    use_packages(Requirements(), tmp_path)
    assert load_trained(inline.folder.path).network[1].out_features == 8


def test_what_is_missing_is_the_users_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    job = write_job_with_packages(tmp_path)
    (tmp_path / "requirements.txt").write_text("--no-index\ndnabsent==3\n")

    with pytest.raises(PackageError, match="No matching distribution found for dnabsent==3"):
        distnet.run(job, inline=True, runs=tmp_path / "runs")
    with pytest.raises(VariableError, match="env: DN_TOKEN: not set here"):
        distnet.run(job, runs=tmp_path / "runs", overrides=["env.DN_TOKEN=null"])
    assert not (tmp_path / "runs").exists()
