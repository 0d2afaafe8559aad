"""Wrong options, as the command line and a real server refuse them: found, expected, where."""

from pathlib import Path

import pytest

from distnet.cli.main import main
from tests.server.harness import Harness
from tests.server.http.api import Api
from tests.server.http.live import live

NAMED = "expected up to 63 lower-case letters, digits and dashes, as in digits-2"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("ps --limit 0", "--limit: found 0, expected a number of at least 1;"),
        ("submit digits.yaml --priority 5000", "--priority: found 5000, expected a number of at"),
        ("submit digits.yaml --workers two", "--workers: found two, expected a whole number;"),
        ("priority digits-1 five", "N: found five, expected a whole number;"),
    ],
)
def test_a_wrong_option_is_reported_in_plain_words(
    command: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


@pytest.mark.usefixtures("config")
def test_a_refused_option_is_named_as_it_was_typed(
    job_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        Harness(f"sqlite:///{job_file.parent}/ledger.db", job_file.parent) as harness,
        live(api := Api(harness)) as address,
    ):
        monkeypatch.setenv("DISTNET_SERVER", address)
        monkeypatch.setenv("DISTNET_TOKEN", api.token())

        def refusal(*command: str) -> str:
            assert main(command) == 2
            return capsys.readouterr().err.removeprefix("error: ").strip()

        submit = ("submit", "digits.yaml")
        assert refusal(*submit, "--name", "bad name!") == f"--name: found text 'bad name!', {NAMED}"
        assert refusal("why", "BAD") == f"job: found text 'BAD', {NAMED}"
        page = refusal("ps", "--after=x")
        assert page.startswith("--after: found text 'x', expected the `next` of the page before")
        token = refusal("token", "revoke", "no")
        assert token.startswith("id: found text 'no', expected the id of a token, twelve")
        gone = refusal(*submit, "--start-from", "nosuch")
        assert gone.startswith("--start-from nosuch: there is no such job")
        wrong = refusal(*submit, "--sweep", "optimizer.learnin_rate=0.1,0.2")
        assert wrong.startswith("--sweep optimizer.learnin_rate=0.1: found unknown key")
