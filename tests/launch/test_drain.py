"""A node that is about to be taken away: the notice comes, the state is saved, training goes on."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import distnet
from distnet.chaos.nodes import SECOND, two_nodes
from distnet.run_folder.paths import RunFolder

pytestmark = [
    pytest.mark.ray,
    pytest.mark.check,
    pytest.mark.skipif(sys.platform != "linux", reason="a second loopback address"),
]
JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
STEPS = 8_000
SET = (f"train.steps={STEPS}", "checkpoint.every_steps=100", "evaluate.every_epochs=1000")


def test_a_drained_node_is_left_in_order(tmp_path):
    """The node ends by itself as soon as nothing of ours is on it any more."""
    job = yaml.safe_load(JOB.read_text()) | {"resources": {"workers": {"min": 1, "max": 2}}}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    folder = RunFolder(tmp_path / "it")
    command = [sys.executable, "-m", "distnet.cli", "run", str(tmp_path / "job.yaml"), "--json"]
    command += ["--runs", str(tmp_path), "--name", "it"]
    command += [word for each in SET for word in ("--set", each)]

    with two_nodes(f"drain-{os.getpid()}", workers=2, cpus=1) as nodes:
        environment = {**os.environ, **nodes.environment}
        second = find_node(nodes.address, environment)
        driver = subprocess.Popen(
            [*command, "--address", nodes.address],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for_step(folder, 200, driver)
        drain(second, nodes.address, environment)
        wait_for_attempt(folder, 2, driver)
        out, err = driver.communicate(timeout=300)

    assert driver.returncode == 0, err
    found = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    attempts = [record for record in found if record["kind"] == "attempt"]
    ends = [record for record in found if record["kind"] == "end"]
    assert [(a["workers"], a["cause"]) for a in attempts] == [(2, "start"), (1, "drain")]
    assert ends[0]["status"] == "stopped"
    assert ends[0]["step"] == attempts[1]["step"]
    expected = distnet.run(JOB, inline=True, overrides=SET, runs=tmp_path, name="undisturbed")
    assert json.loads(out)["weights_sha256"] == expected.result["weights_sha256"]


def find_node(address: str, environment: dict[str, str]) -> str:
    """The id of the second node."""
    script = f"""
import ray
ray.init({address!r}, log_to_driver=False)
print(next(n["NodeID"] for n in ray.nodes() if n["NodeManagerAddress"] == {SECOND!r}))
"""
    command = [sys.executable, "-c", script]
    return subprocess.check_output(command, env=environment, text=True).split()[-1]


def drain(node: str, address: str, environment: dict[str, str]) -> None:
    """Give notice of a node's end, as a cloud does."""
    words = ["drain-node", "--address", address, "--node-id", node, "--reason-message", "test"]
    words += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--deadline-remaining-seconds", "60"]
    command = [str(Path(sys.executable).with_name("ray")), *words]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def wait_for_step(folder: RunFolder, step: int, driver: "subprocess.Popen[str]") -> None:
    wait(lambda record: record["kind"] == "checkpoint" and record["step"] >= step, folder, driver)


def wait_for_attempt(folder: RunFolder, attempt: int, driver: "subprocess.Popen[str]") -> None:
    wait(lambda r: r["kind"] == "step" and r["attempt"] == attempt, folder, driver)


def wait(is_there, folder: RunFolder, driver: "subprocess.Popen[str]") -> None:
    while driver.poll() is None:
        if folder.metrics.is_file():
            lines = folder.metrics.read_text().splitlines(keepends=True)
            if any(is_there(json.loads(line)) for line in lines if line.endswith("\n")):
                return
        time.sleep(0.1)
    raise AssertionError(driver.communicate()[1])
