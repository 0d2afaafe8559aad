"""`distnet cluster render`: to stdout, into a folder, refused."""

import json
import stat
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

from distnet.cli.main import main
from tests.cluster.file.texts import AWS, KUBERNETES, SSH


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cluster.yaml"
    path.write_text(f"{AWS}install: index\n")
    return path


def test_ray_reads_what_is_printed(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cluster", "render", str(cluster)]) == 0

    printed = capsys.readouterr()
    assert yaml.safe_load(printed.out)["cluster_name"] == "cloud"
    assert "up to 11 machines" in printed.out.lower()
    assert "--output DIR" in printed.err


def test_json_is_a_list_of_documents(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.write_text(KUBERNETES)

    assert main(["cluster", "render", str(cluster), "--json"]) == 0

    kinds = [document["kind"] for document in json.loads(capsys.readouterr().out)]
    assert kinds[0] == "Namespace"
    assert "RayCluster" in kinds


def test_a_folder_has_all_that_the_files_refer_to(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["cluster", "render", str(cluster), "--output", "build/aws"]
    assert main(arguments) == 0

    printed = capsys.readouterr()
    folder = cluster.parent / "build" / "aws"
    token = folder / "token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64  # of Ray's own form, without an end of line
    assert token.read_text() not in printed.out + printed.err
    config = yaml.safe_load((folder / "ray.yaml").read_text())
    assert all(Path(local).is_file() for local in config["file_mounts"].values())
    assert "/token" in (folder / ".gitignore").read_text().split()
    assert printed.err.endswith(f"next: ray up {folder / 'ray.yaml'}\n")


def test_what_ray_says_of_a_folder_that_is_there_is_not_printed(
    cluster: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(cluster.parent))
    assert main(["cluster", "render", str(cluster)]) == 0
    first = capfd.readouterr().out
    folder = cluster.parent / ".distnet" / "clusters" / "cloud"
    assert main(["cluster", "render", str(cluster), "--output", str(folder)]) == 0
    capfd.readouterr()

    assert main(["cluster", "render", str(cluster)]) == 0

    assert capfd.readouterr().out == first


def test_rendered_again_the_token_stays(cluster: Path) -> None:
    arguments = ["cluster", "render", str(cluster), "--output", "aws"]
    assert main(arguments) == 0
    token = cluster.parent / "aws" / "token"
    before = token.read_text()
    token.chmod(0o644)

    assert main(arguments) == 0

    assert token.read_text() == before
    assert stat.S_IMODE(token.stat().st_mode) == 0o600


def test_kubernetes_is_applied_from_the_folder(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.write_text(KUBERNETES)

    assert main(["cluster", "render", str(cluster), "--output", "k8s", "--json"]) == 0

    written = json.loads(capsys.readouterr().out)
    assert written["next"] == f"kubectl apply -k {cluster.parent / 'k8s'}"
    names = {Path(path).name for path in written["files"]}
    assert {"token", "kustomization.yaml", "ray-cluster.yaml", "ray-job.yaml"} <= names


def test_machines_that_exist_are_refused(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.write_text(SSH)

    assert main(["cluster", "render", str(cluster)]) == 2

    error = capsys.readouterr().err
    assert f"{cluster}:2 provider: found ssh, expected aws, gcp or kubernetes" in error
    assert f"distnet cluster up {cluster}" in error


def test_faults_are_listed_and_nothing_is_written(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.write_text(AWS.replace("0..8", "8..0") + "auth: none\n")

    assert main(["cluster", "render", str(cluster), "--output", "aws"]) == 2

    error = capsys.readouterr().err
    assert f"{cluster}:7 groups.cpu.nodes: " in error
    assert f"{cluster}:9 auth: " in error
    assert not (cluster.parent / "aws").exists()


def test_a_folder_that_cannot_be_written(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cluster.parent / "file").write_text("")

    assert main(["cluster", "render", str(cluster), "--output", "file"]) == 2

    assert "cannot be written: " in capsys.readouterr().err


def test_the_wheel_of_the_checkout_is_one_of_the_files(cluster: Path) -> None:
    cluster.write_text(AWS)

    assert main(["cluster", "render", str(cluster), "--output", "aws"]) == 0

    config = yaml.safe_load((cluster.parent / "aws" / "ray.yaml").read_text())
    mounted = [Path(local) for local in config["file_mounts"].values()]
    (wheel,) = [path for path in mounted if path.suffix == ".whl"]
    assert "distnet/cluster/render/write.py" in ZipFile(wheel).namelist()
