"""`distnet sim`: tables and JSON, errors in one line, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distnet.cli.main import main

SMALL = ["--nodes", "4x16c,1x16c4g", "--synthetic", "jobs=60,length=10m"]


def test_sim_prints_one_json_object(capsys):
    code = main(["sim", *SMALL, "--seed", "3", "--json"])

    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["jobs"]["ended"] == found["jobs"]["all"] == 60
    assert found["seed"] == 3
    assert not found["is_interrupted"]


def test_sim_prints_tables(capsys):
    assert main(["sim", *SMALL, "--policy", "preemption=no", "--team", "team-0:quota_cpus=8"]) == 0

    out = capsys.readouterr().out
    for word in ("priority 2", "team team-0", "utilisation", "Jain", "preemptions", "makespan"):
        assert word in out


def test_sim_reads_a_trace(capsys, tmp_path):
    trace = tmp_path / "day.csv"
    trace.write_text("submit_s,runtime_s,workers\n0,60,4\n1,60,4\n")

    assert main(["sim", "--nodes", "4c", "--trace", str(trace), "--every", "0", "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["makespan_s"] == 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nodes", "4c"], "expected one of --trace FILE and --synthetic SPEC"),
        (["--nodes", "4c", "--synthetic", "", "--trace", "x.csv"], "expected one of"),
        (["--nodes", "many", "--synthetic", "jobs=1"], "--nodes: found 'many'"),
        (["--nodes", "4c", "--trace", "missing.csv"], "missing.csv: No such file"),
        (["--nodes", "4c", "--synthetic", "jobs=1", "--every", "soon"], "--every: found 'soon'"),
        (["--nodes", "4c", "--synthetic", "jobs=1", "--policy", "x=1"], "--policy: found 'x=1'"),
    ],
)
def test_sim_refuses_what_it_cannot_do(capsys, arguments, message):
    code = main(["sim", *arguments, "--json"])

    assert code == 2
    assert message in json.loads(capsys.readouterr().out)["error"]["message"]


def test_sim_imports_nothing_heavy():
    probe = f"""import sys
from distnet.cli.main import main
main({["sim", *SMALL, "--json"]})
heavy = {{"torch", "ray", "sqlalchemy", "fastapi", "pandas"}}
print("HEAVY", sorted(heavy & sys.modules.keys()))"""

    ended = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip().endswith("HEAVY []")


def test_sim_prints_what_was_simulated_so_far_on_ctrl_c(tmp_path):
    trace = tmp_path / "long.csv"
    rows = "".join(f"{n},{50 + n % 7}\n" for n in range(40_000))
    trace.write_text(f"submit_s,runtime_s\n{rows}")
    command = [sys.executable, "-m", "distnet.cli", "sim", "--nodes", "8x8c", "--every", "0"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "TERM": "xterm"}
    with subprocess.Popen(
        [*command, "--trace", str(trace), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read(1)  # the bar has begun, so it simulates
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)

    found = json.loads(out)
    assert process.returncode == 130
    assert found["is_interrupted"]
    assert 0 < found["jobs"]["ended"] < 40_000
