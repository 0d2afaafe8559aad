"""A real MLflow server, in an environment of its own: `make .mlflow/bin/mlflow`."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from distnet.launch.ports import free_port
from tests import needs

PROGRAM = Path(__file__).parents[2] / ".mlflow" / "bin" / "mlflow"
LOOPBACK, START_S = "127.0.0.1", 400.0


class Site:
    """What a test asks of it, through its REST interface."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read one thing."""
        place = f"{self.address}/api/2.0/mlflow/{path}"
        found: dict[str, Any] = httpx.get(place, params=query, timeout=60).raise_for_status().json()
        return found

    def history(self, run: str, metric: str) -> dict[int, float]:
        """A metric of a run, by step."""
        found = self.get("metrics/get-history", run_id=run, metric_key=metric)
        return {int(one["step"]): one["value"] for one in found.get("metrics", [])}


@contextmanager
def mlflow_server(folder: Path, port: int | None = None) -> Iterator[Site]:
    """Run one, whose data is in `folder`."""
    if not PROGRAM.exists():
        needs.MLFLOW.skip()
    port = port or free_port(LOOPBACK)
    database = f"sqlite:///{folder / 'mlflow.db'}"
    words = [str(PROGRAM), "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]
    own = {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    own["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # a dozen processes that no test needs
    with (folder / "mlflow-server.log").open("ab") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=own, start_new_session=True)
    try:
        site = Site(f"http://{LOOPBACK}:{port}")
        _wait_until_up(site, process)
        yield site
    finally:
        os.killpg(process.pid, 15)
        process.wait(60)


def _wait_until_up(site: Site, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert process.poll() is None, "the MLflow server has ended"
        try:
            if httpx.get(f"{site.address}/health", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("the MLflow server did not start")
