"""`distnet run --sweep` and `distnet sweep` as a person types them."""

import json
from pathlib import Path

import pytest

from distnet.cli.main import main

JOB = """name: stripes
network: {kind: mlp, hidden: [8]}
data: {source: DATASET}
optimizer: {kind: adam, learning_rate: 0.01}
train: {steps: 4, batch_size: 64, slices: 2}
"""


@pytest.fixture
def job(tmp_path: Path, stripes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATASET", str(stripes)))
    return path


def test_a_sweep_is_run_ranked_and_drawn(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--sweep", "network.hidden=[8],[16, 8]", "--sweep", "optimizer.kind=adam,sgd"]
    assert main(["run", str(job), *settings, "--inline", "--name", "nets"]) == 0
    printed = capsys.readouterr()
    assert main(["sweep", "nets", "--png", "p.png", "--best-job", "best.yaml"]) == 0
    shown = capsys.readouterr().out
    assert main(["sweep", "nets", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)

    assert "trial 3 of 4: network.hidden=[16, 8], optimizer.kind=adam" in printed.err
    assert "trial 4 of 4 finished" in printed.err
    assert printed.out.splitlines()[:5] == shown.splitlines()[:5]
    assert table["best"] == table["trials"][0]["name"]
    assert table["job_file"] == f"runs/{table['best']}/job.yaml"
    assert f"the best is {table['best']}: test accuracy" in shown
    assert Path("best.yaml").read_bytes() == Path(table["job_file"]).read_bytes()
    assert "<svg" in Path("runs/nets/report.html").read_text()
    assert Path("p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--sweep", "train.seed"], "--sweep train.seed: expected KEY=FIRST..LAST or KEY=VALUE"),
        (["--sweep", "train.sed=1,2"], "--sweep train.sed=1: found unknown key `sed`"),
        (["--sweep", "train.seed=1,x"], "--sweep train.seed=x: found text 'x'"),
        (["--folds", "1"], "--folds"),
        (["--folds", "3", "--set", "evaluate.split=test"], "found 1/3 beside evaluate.split"),
        (["--sweep", "train.seed=1,2", "--resume", "nets"], "both of JOB and --resume"),
    ],
)
def test_mistakes_are_named_and_leave_nothing(
    job: Path, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(job), "--inline", *arguments]) == 2

    message = " ".join(capsys.readouterr().err.split())
    assert expected in message
    assert "Traceback" not in message
    assert not Path("runs").exists()
