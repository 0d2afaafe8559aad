"""`distnet tune-rate`: its table, its JSON, its picture, and what it refuses."""

import json
from pathlib import Path

import pytest

from distnet.cli.main import main

JOB = """name: tuned
network: {kind: mlp, hidden: [16]}
data: {source: "DATA"}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 2, batch_size: 60}
"""


@pytest.fixture
def job(tmp_path: Path, stripes: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("job.yaml").write_text(JOB.replace("DATA", str(stripes)))
    return "job.yaml"


def test_it_prints_the_rates_and_the_command_and_draws(
    job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--from", "1e-5", "--steps", "50", "--set", "train.seed=3", "--picture", "rates.svg"]
    assert main(["tune-rate", job, *words]) == 0

    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    rate = lines[3].split()[1]
    assert lines[0].startswith("tuned: ")
    assert "steps at rates from 1e-05 to" in lines[0]
    assert [line.split()[0] for line in lines[3:7]] == ["steepest", "valley", "tenth", "job"]
    use = f"use: distnet run {job} --set train.seed=3 --set optimizer.learning_rate={rate}"
    assert lines[-1] == use
    assert "wrote rates.svg" in printed.err
    assert "learning rate" in Path("rates.svg").read_text()
    assert sorted(path.name for path in Path().iterdir()) == ["job.yaml", "rates.svg"]


@pytest.mark.check
@pytest.mark.parametrize(("name", "begin"), [("r.png", b"\x89PNG"), ("r.html", b"<!DOCTYPE html>")])
def test_pictures_are_png_and_html_too(job: str, name: str, begin: bytes) -> None:
    assert main(["tune-rate", job, "--steps", "40", "--picture", name]) in (0, 3)

    assert Path(name).read_bytes().lower().startswith(begin.lower())


def test_json_has_every_step(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    rates = ("--from", "1e-9", "--to", "1e-8", "--steps", "20")
    assert main(["tune-rate", job, *rates, "--json"]) == 3

    found = json.loads(capsys.readouterr().out)
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"]) == 20
    assert (found["end"], found["suggestions"], found["command"]) == ("all steps", [], None)
    assert "falls at none of these rates" in found["problem"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "20"], "--from 20: expected a rate below --to, which is 10"),
        (["--steps", "3"], "--steps: found 3, expected a number of at least 20"),
        (["--picture", "rates.gif"], "expected a name that ends in .png, .svg, .html"),
        (["--set", "optimizer.rate=3"], "optimizer.rate=3: found unknown key `rate`"),
    ],
)
def test_what_is_wrong_is_named(
    job: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune-rate", job, *words]) == 2

    assert message in capsys.readouterr().err
