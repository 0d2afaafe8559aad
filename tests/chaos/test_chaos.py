"""A few trials of real faults, and an interrupted command that is gone on with."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from distnet.chaos.family import Family
from distnet.chaos.faults import KINDS, STOP
from distnet.chaos.results import FILE

pytestmark = [
    pytest.mark.ray,
    pytest.mark.check,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="a second node has 127.0.0.3 on Linux only"),
]

JOB = str(Path(__file__).parents[2] / "jobs" / "digits.yaml")
SETS = ["--set", "train.steps=3000", "--set", "checkpoint.every_steps=200"]


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "distnet.cli", "chaos", JOB, *arguments, *SETS, "--json"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any], str]:
    out, err = process.communicate()
    return process.returncode, json.loads(out.splitlines()[-1]), err


def test_chaos_ends_with_the_same_weights_whatever_is_killed(tmp_path):
    kinds = [kind for kind in KINDS if kind != STOP]
    options = ["--kill", ",".join(kinds), "--trials", "6", "--seed", "3"]

    code, printed, err = end(start(*options, "--runs", str(tmp_path)))

    assert code == 0, (printed, err)
    assert printed == json.loads((tmp_path / FILE).read_bytes()) | {"is_interrupted": False}
    hits = [hit for trial in printed["trials"] for hit in trial["hits"]]
    assert [hit["kind"] for hit in hits] == kinds
    assert all(hit["recovery_s"] > 0 for hit in hits)
    planned = hits[kinds.index("plan")]
    assert (planned["recomputed"], planned["restarted_at"]) == (0, planned["reached"])
    weights = {trial["weights_sha256"] for trial in printed["trials"]}
    assert weights == {printed["undisturbed"]["weights_sha256"]}
    assert printed["summary"]["passed"] == 6


@pytest.mark.soak
def test_chaos_is_gone_on_with_after_ctrl_c(tmp_path):
    options = ["--kill", "driver", "--trials", "1", "--seed", "5", "--runs", str(tmp_path)]
    process = start(*options)
    while not list(tmp_path.glob("*-001/heartbeats/worker-*")) and process.poll() is None:
        time.sleep(0.1)

    process.send_signal(signal.SIGINT)
    code, printed, err = end(process)

    assert (code, printed.get("trials")) == (130, []), (printed, err)
    assert Family(f"{printed['session']}-001").alive() == []
    (line,) = [line for line in err.splitlines() if line.startswith("continue with: ")]
    command = shlex.split(line.removeprefix("continue with: "))
    assert command[:3] == ["distnet", "chaos", JOB]

    code, finished, err = end(
        subprocess.Popen(
            [sys.executable, "-m", "distnet.cli", *command[1:], "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
    )
    assert code == 0, (finished, err)
    assert finished["undisturbed"] == printed["undisturbed"]
    assert len(finished["trials"]) == 1
