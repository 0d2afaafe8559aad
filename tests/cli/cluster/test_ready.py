"""`distnet submit --cluster` on a cluster of this machine that is not up yet."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.launch.ports import free_port

pytestmark = [pytest.mark.ray, pytest.mark.check, pytest.mark.timeout(900)]
JOB = Path(__file__).parents[3] / "jobs" / "digits.yaml"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
    # The cluster takes the first Python on PATH that has distnet.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    ray, dashboard, server = (free_port("127.0.0.1") for _ in range(3))
    file = tmp_path / "lab.yaml"
    file.write_text(f"""name: lab
provider: local
cpus: 2
folder: {tmp_path}/cluster
ports: {{ray: {ray}, dashboard: {dashboard}}}
server: {{port: {server}}}
""")
    yield file
    assert main(["cluster", "down", str(file), "--delete-data"]) == 0


def test_it_is_brought_up_once(cluster: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = ["submit", str(JOB), "--cluster", str(cluster), "--workers", "2"]
    assert main([*command, "--name", "one", "--set", "train.epochs=1", "--follow"]) == 0
    printed = capfd.readouterr()
    assert "cluster lab is not up; bringing it up" in printed.err
    assert "one is finished" in printed.err

    assert main([*command, "--name", "two", "--hold"]) == 0
    printed = capfd.readouterr()
    assert "bringing it up" not in printed.err
    assert printed.out.startswith("two is held")
