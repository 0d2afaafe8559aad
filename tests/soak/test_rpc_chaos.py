"""Ray's own calls about jobs fail now and then: no job that lives is ever taken for failed.

`make soak`. Of Ray's calls behind submitting, pinging and listing jobs one in twenty fails: before
it arrives, before it is answered, or on the way back. The training itself is spared: the server
gives its attempts an environment without the failures.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.server.ray_head import RayHead, a_ray

pytestmark = [pytest.mark.soak, pytest.mark.ray, pytest.mark.timeout(3000)]
ROOT = Path(__file__).parents[2]
JOB = ROOT / "jobs" / "digits.yaml"
RUNS = 10
CALLS = [
    *(f"ray::rpc::InternalKVGcsService.grpc_client.InternalKV{verb}" for verb in ("Get", "Put")),
    *(f"ray::rpc::InternalKVGcsService.grpc_client.InternalKV{verb}" for verb in ("Keys", "Del")),
    "ray::rpc::InternalKVGcsService.grpc_client.InternalKVMultiGet",
    "ray::rpc::ActorInfoGcsService.grpc_client.GetNamedActorInfo",
    "ray::rpc::JobInfoGcsService.grpc_client.GetAllJobInfo",
    "CoreWorkerService.grpc_client.PushTask",
]
PERCENT = {"num_failures": -1, "req_failure_prob": 2, "resp_failure_prob": 2}
FAILURES = json.dumps({call: {**PERCENT, "in_flight_failure_prob": 1} for call in CALLS})


def test_no_live_job_is_taken_for_failed(tmp_path):
    with a_ray(0, 4, RAY_testing_rpc_failure=FAILURES) as head, a_server(head, tmp_path) as ask:
        sweep = ["--sweep", f"train.seed=1..{RUNS}", "--workers", "2"]
        ask("submit", str(JOB), "--name", "chaos", *sweep, "--set", "train.steps=1000")
        deadline = time.monotonic() + 120 * RUNS
        while (jobs := ask("ps", "--limit", "100")["jobs"]) and time.monotonic() < deadline:
            assert not [job for job in jobs if job["state"] == "failed"]
            time.sleep(1)
        ended = ask("history", "--limit", "100")
        texts = [event["text"] for job in ended for event in ask("history", job["name"])]

    assert [job["state"] for job in ended] == ["finished"] * RUNS
    assert not [text for text in texts if "failed" in text]


@contextmanager
def a_server(head: RayHead, folder: Path) -> Iterator[Any]:
    """A server of that Ray; yields what runs a command of distnet and reads its answer."""
    here = {k: v for k, v in os.environ.items() if not k.startswith("DISTNET_")}
    environment = here | head.environment | {"DISTNET_CONFIG": str(folder / "config")}
    command = [sys.executable, "-m", "distnet.cli"]
    ledger = f"sqlite:///{folder}/ledger.db"
    settings = folder / "server.yaml"
    settings.write_text('environment: {RAY_testing_rpc_failure: ""}\n')
    options = ["--ray", head.dashboard, "--ledger", ledger, "--runs", str(folder / "runs")]
    options += ["--settings", str(settings)]
    server = subprocess.Popen(
        [*command, "server", "start", "--listen", "127.0.0.1:0", *options, "--json"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(*words: str) -> Any:
        done = subprocess.run(
            [*command, *words, "--json"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    try:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["address"]
        yield ask
    finally:
        server.terminate()
        server.wait()
