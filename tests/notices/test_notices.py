"""Notices of what has ended: by apprise, over real HTTP."""

from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.cli.train.noticed import noticed
from distnet.errors import DistnetError, TrainingError
from distnet.notices.notifier import read_addresses
from tests.notices.receiver import addresses, receiving

pytestmark = pytest.mark.check  # apprise takes seconds to import
JOB = """
name: digits
network: {kind: mlp, hidden: [8]}
train: {steps: 5, batch_size: 64}
"""


def test_a_run_sends_how_it_ended_unless_its_user_stopped_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving() as receiver:
        file = addresses(tmp_path, receiver.address)
        with noticed("distnet run a.yaml", file) as lines:
            lines.append("a-1: test accuracy 90.00%")
        with pytest.raises(TrainingError), noticed("distnet run b.yaml", file):
            raise TrainingError("the loss is NaN at step 3")
        with pytest.raises(KeyboardInterrupt), noticed("distnet run c.yaml", file):
            raise KeyboardInterrupt
    with noticed("distnet run d.yaml", file):  # nobody listens any more
        pass

    assert [(one["title"], one["message"], one["type"]) for one in receiver.got] == [
        ("distnet run a.yaml finished", "a-1: test accuracy 90.00%", "success"),
        ("distnet run b.yaml failed", "the loss is NaN at step 3", "failure"),
    ]
    said = capsys.readouterr().err
    assert said == f"{file}:3: json did not take the notice of the end\n"
    assert "secret" not in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("slak://a-secret-word", r"addresses\.txt:3: found slak://\.\.\., which is of no known"),
        ("ada@example.org", r"addresses\.txt:3: found no ://, which is"),
        ("slack://one-part-only", r"addresses\.txt:3: found slack://\.\.\., which .* lacks a part"),
        ("# none", r"addresses\.txt: found no address, expected one a line, such as mailto://"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secrets(
    line: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DistnetError, match=message) as refused:
        read_addresses(addresses(tmp_path, line))

    assert "a-secret-word" not in str(refused.value)


def test_a_missing_file_is_refused_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "job.yaml").write_text(JOB)
    runs = ["--inline", "--runs", str(tmp_path / "runs")]

    assert main(["run", str(tmp_path / "job.yaml"), *runs, "--notify", str(tmp_path / "no")]) == 2
    assert "cannot read the addresses of notices: No such file" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_trained_run_sends_a_notice_and_holds_no_secret(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(JOB)
    runs = tmp_path / "runs"
    with receiving() as receiver:
        file = addresses(tmp_path, receiver.address)
        options = ["--inline", "--runs", str(runs), "--notify", str(file)]
        assert main(["run", str(tmp_path / "job.yaml"), *options]) == 0

    [sent] = receiver.got
    first, second, report = sent["message"].splitlines()
    assert first.startswith("digits-1: test accuracy ")
    assert second.startswith("5 steps in ")
    assert report == f"report: {runs}/digits-1/report.html"
    for path in runs.rglob("*"):
        assert not path.is_file() or b"a-secret-word" not in path.read_bytes()
