"""`distnet submit`, `schedule` and `schedules` as a person types them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.client import contexts
from distnet.spec.code.collect import LARGEST_FILE
from tests.client.fake_server import TOKEN, FakeServer, make_job
from tests.cluster.file.texts import AWS

pytestmark = pytest.mark.usefixtures("job_file")


def test_submit_says_where_the_job_is_and_how_to_look(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "digits.yaml", "--name", "mine", "--workers", "2"]) == 0

    printed = capsys.readouterr()
    assert printed.out == "mine is waiting: no room\n"
    assert f"on {server.url}" in printed.err
    assert "distnet logs mine -f" in printed.err


def test_submit_sends_its_options(server: FakeServer) -> None:
    command = "submit digits.yaml --priority -5 --team vision --after a --after b:any --hold"
    more = "--start-from a --sweep train.seed=1..3 --set train.epochs=3 --at 2030-01-01T00:00+00:00"
    assert main([*command.split(), *more.split()]) == 0

    [request] = server.submits
    assert (request.priority, request.team, request.hold) == (-5, "vision", True)
    assert (request.after, request.start_from) == (("a", "b:any"), "a")
    assert (request.sweep, request.sets) == (("train.seed=1..3",), ("train.epochs=3",))
    assert request.at == datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    assert request.file == "digits.yaml"


def test_submit_prints_json_of_all_jobs_of_a_sweep(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "digits.yaml", "--sweep", "train.seed=1..3", "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert [job["name"] for job in printed["jobs"]] == [f"digits-sweep-1-{n}" for n in (1, 2, 3)]


def test_submit_says_which_job_has_which_value(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--sweep", "network.hidden=[16],[32, 8]", "--sweep", "train.seed=7"]
    assert main(["submit", "digits.yaml", "--name", "lr", *settings]) == 0

    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "lr-1 (network.hidden=[16], train.seed=7) is waiting: no room",
        "lr-2 (network.hidden=[32, 8], train.seed=7) is waiting: no room",
    ]
    assert "see: distnet sweep lr," in printed.err


def test_submit_sends_how_a_sweep_is_run(server: FakeServer) -> None:
    options = ["--sweep", "train.seed=1..9", "--stop-early", "--trials-at-once", "2"]
    assert main(["submit", "digits.yaml", *options]) == 0

    [request] = server.submits
    assert (request.stop_early, request.trials_at_once) == (True, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stop-early"], "--stop-early: expected --sweep or --folds with it"),
        (["--trials-at-once", "2"], "--trials-at-once: expected --sweep or --folds with it"),
        (["--folds", "3", "--stop-early"], "--stop-early: found folds beside it"),
    ],
)
def test_submit_refuses_options_of_a_sweep_that_do_not_fit(
    options: list[str], message: str, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "digits.yaml", *options]) == 2

    assert message in capsys.readouterr().err
    assert server.requests == []


def test_submit_names_only_the_first_jobs_of_a_large_sweep(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "digits.yaml", "--sweep", "train.seed=1..200"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "and 190 more: distnet sweep digits-sweep-1"


def test_submit_refuses_an_invalid_job_file_before_any_request(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("digits.yaml").write_text("name: digits\nnetwork: {kind: mlp}\ntrain: {epochs: ten}\n")

    assert main(["submit", "digits.yaml"]) == 2

    printed = capsys.readouterr().err
    assert (
        printed == "error: digits.yaml:3 train.epochs: found text 'ten', expected a whole number\n"
    )
    assert server.requests == []


def test_a_refusal_is_one_line_and_its_code_is_in_the_json(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.jobs["mine"] = make_job("mine")

    assert main(["submit", "digits.yaml", "--name", "mine", "--json"]) == 2

    printed = capsys.readouterr()
    assert printed.err == "error: the name mine is taken\n"
    error = {"type": "ConflictError", "message": "the name mine is taken", "code": "name_taken"}
    assert json.loads(printed.out) == {"error": error}


def test_submit_names_the_files_that_are_too_large_to_upload(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("net.py").write_text("class Net: ...\n")
    with Path("data.bin").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    sets = ["--set", "network.kind=./net.py:Net"]

    assert main(["submit", "digits.yaml", *sets]) == 0
    assert "data.bin" not in capsys.readouterr().err
    sets += ["--set", "network.data=data.bin", "--name", "other"]
    assert main(["submit", "digits.yaml", *sets]) == 0
    assert "data.bin (10.0 MB)" in capsys.readouterr().err


def test_submit_names_what_it_uploads_through_links(
    server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/layers.py").write_text("")
    (tmp_path / "jobs").mkdir()
    job = tmp_path / "jobs/job.yaml"
    job.write_text("name: a\nnetwork: {kind: ./net.py:Net}\n")
    (tmp_path / "jobs/net.py").write_text("import layers\nclass Net: ...\n")
    (tmp_path / "jobs/layers.py").symlink_to(tmp_path / "shared/layers.py")

    assert main(["submit", str(job)]) == 0

    printed = capsys.readouterr().err
    assert f"through links: layers.py ({tmp_path}/shared/layers.py)" in printed


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("network: {kind: ./mynet.py:MyNet}", "3 network.kind: found no file "),
        ("data: {source: mnits}", "3 data.source: dataset 'mnits' not found: none of that name"),
        ("data: {source: ./nodata}", "3 data.source: dataset './nodata' not found: none of that"),
        ("data: {source: ./empty}", "3 data.source: "),
    ],
)
def test_submit_refuses_missing_files_before_any_request(
    line: str, message: str, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    network = "" if "network" in line else "network: {kind: mlp}\n"
    Path("digits.yaml").write_text(f"name: digits\n{network or chr(10)}{line}\n")

    assert main(["submit", "digits.yaml"]) == 2

    printed = capsys.readouterr().err
    assert printed.startswith(f"error: digits.yaml:{message}")
    assert ("did you mean 'mnist'?" in printed) == ("mnits" in line)
    assert server.requests == []


@pytest.mark.parametrize(
    ("state", "code"), [("finished", 0), ("failed", 3), ("stopped", 130), ("cancelled", 130)]
)
def test_submit_follows_the_log_and_ends_as_the_job_does(
    state: str, code: int, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.logs["mine", "run"] = b"epoch 1/10\nepoch 2/10\n"
    server.complete.add("mine")
    server.changes["mine"] = [{"state": "running"}, {"state": state}]

    assert main(["submit", "digits.yaml", "--name", "mine", "--follow"]) == code

    printed = capsys.readouterr()
    assert printed.out.endswith("epoch 1/10\nepoch 2/10\n")
    assert f"mine is {state}" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submit", "digits.yaml", "--follow", "--json"], "--follow"),
        (["submit", "digits.yaml", "--at", "soon"], "'soon'"),
        (["submit", "absent.yaml"], "absent.yaml"),
        (["schedule", "digits.yaml"], "--cron"),
        (["schedule", "digits.yaml", "--cron", "* * * * *", "--at", "+2h"], "--cron"),
        (["schedule", "digits.yaml", "--cron", "* * * * *", "--overlap", "never"], "overlap"),
    ],
)
def test_a_wrong_call_is_refused(
    arguments: list[str], message: str, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert server.submits == []
    assert server.schedules == {}


def test_schedule_sends_the_job_and_the_clock(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["schedule", "digits.yaml", "--cron", "0 2 * * *", "--tz", "Europe/Berlin"]
    assert main([*command, "--overlap", "queue", "--missed", "all", "--workers", "2"]) == 0

    [request] = server.scheduled
    assert (request.name, request.cron, request.tz) == ("digits", "0 2 * * *", "Europe/Berlin")
    assert (request.overlap, request.missed, request.request.workers) == ("queue", "all", 2)
    printed = capsys.readouterr().out
    assert printed.startswith("schedule digits: 0 2 * * * Europe/Berlin, next at 20")


def test_schedule_takes_the_zone_of_this_machine(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    assert main(["schedule", "digits.yaml", "--cron", "0 2 * * *", "--name", "nightly"]) == 0
    assert (server.scheduled[0].name, server.scheduled[0].tz) == ("nightly", "Asia/Tokyo")


def test_schedules_are_listed_paused_resumed_and_removed(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schedules", "list"]) == 0
    assert "no recurring jobs" in capsys.readouterr().err
    main(["schedule", "digits.yaml", "--at", "+2h", "--name", "later"])
    main(["schedule", "digits.yaml", "--cron", "0 2 * * *", "--tz", "UTC", "--name", "nightly"])
    capsys.readouterr()

    assert main(["schedules", "pause", "nightly"]) == 0
    assert "paused" in capsys.readouterr().out
    assert main(["schedules", "list"]) == 0
    listed = capsys.readouterr().out
    assert "once at" in listed
    assert "nightly  0 2 * * * UTC             paused" in listed
    assert main(["schedules", "resume", "nightly", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_paused"] is False
    assert main(["schedules", "remove", "nightly"]) == 0
    assert list(server.schedules) == ["later"]
    assert main(["schedules", "remove", "nightly"]) == 2
    assert "no schedule nightly" in capsys.readouterr().err


CLUSTER = "name: lab\nprovider: local\n"


def test_submit_to_a_cluster_that_is_up_uses_its_context(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("lab.yaml").write_text(CLUSTER)
    contexts.save("lab", server.url, TOKEN)

    assert main(["submit", "digits.yaml", "--cluster", "lab.yaml"]) == 0
    assert "digits is waiting" in capsys.readouterr().out


def test_submit_to_a_cluster_names_one_server_only(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["submit", "digits.yaml", "--cluster", "lab.yaml", "--server", server.url]
    assert main(command) == 2
    assert "leave out --server and --context" in capsys.readouterr().err


def test_submit_makes_no_machines_of_a_cloud(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("lab.yaml").write_text(AWS)
    assert main(["submit", "digits.yaml", "--cluster", "lab.yaml"]) == 2
    printed = capsys.readouterr().err
    assert "the server of cloud is unknown here" in printed
    assert "distnet cluster up lab.yaml" in printed
    assert not server.submits
