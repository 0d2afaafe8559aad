"""A sweep whose process is killed goes on with what is missing, to the same weights."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main

pytestmark = pytest.mark.check

DIGITS = Path(__file__).parents[2] / "jobs" / "digits.yaml"
RATES = ("0.1", "0.01", "0.001", "0.0001")
SETS = ("train.steps=150", "checkpoint.every_steps=5")


def test_four_rates_of_digits_survive_a_kill_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["run", str(DIGITS), "--sweep", f"optimizer.learning_rate={','.join(RATES)}"]
    command += ["--inline", "--no-report", *(word for each in SETS for word in ("--set", each))]
    _kill_at(command, "trial 2 of 4", Path("runs/digits-sweep-1-2/checkpoints"))
    first = Path("runs/digits-sweep-1-1/result.json").stat().st_mtime_ns
    assert main(["sweep", "digits-sweep-1", "--json"]) == 0
    killed = json.loads(capsys.readouterr().out)

    assert main(["run", "--resume", "digits-sweep-1", "--json", "--no-report"]) == 0

    table = json.loads(capsys.readouterr().out)
    states = {trial["name"]: trial["state"] for trial in killed["trials"]}
    assert states == {
        "digits-sweep-1-1": "finished",
        "digits-sweep-1-2": "interrupted",
        "digits-sweep-1-3": "waiting",
        "digits-sweep-1-4": "waiting",
    }
    assert Path("runs/digits-sweep-1-1/result.json").stat().st_mtime_ns == first
    assert {trial["state"] for trial in table["trials"]} == {"finished"}
    for number, rate in enumerate(RATES, 1):
        overrides = [*SETS, f"optimizer.learning_rate={rate}"]
        alone = distnet.run(DIGITS, inline=True, runs="alone", overrides=overrides)
        trial = json.loads(Path(f"runs/digits-sweep-1-{number}/result.json").read_text())
        assert trial["weights_sha256"] == alone.result["weights_sha256"]


def _kill_at(command: list[str], text: str, checkpoints: Path) -> None:
    """Kill a command once it has printed a text and written a checkpoint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "distnet.cli", *command], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            break
    while not list(checkpoints.glob("step-*")):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
