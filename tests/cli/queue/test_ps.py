"""`distnet ps`, `why`, `history`, `logs` and the verbs that steer jobs, as a person types them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.protocol.cluster import EventAnswer
from tests.client.fake_server import FakeServer, make_job

RUNNING = {
    "state": "running", "reason": "", "workers": 2, "step": 3000, "num_steps": 9380,
    "loss": 0.12345, "samples_per_second": 123456.0, "seconds_left": 754.0,
}  # fmt: skip


@pytest.fixture
def queue(server: FakeServer) -> FakeServer:
    """One job that runs, two that wait, one that has ended."""
    jobs = [
        make_job("digits-1", 1, **RUNNING),
        make_job("digits-3", 3, priority=9, fewest=1, most=4, owner="bob"),
        make_job("digits-2", 2, reason="digits-3 \x1b[2Jcomes\nfirst"),
        make_job("old-1", 4, state="failed", error="nan", started_at=100.0, ended_at=190.0),
    ]
    server.jobs = {job.name: job for job in jobs}
    return server


def test_ps_shows_the_order_of_the_schedule(
    queue: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert main(["ps"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "job       state      w  prio  owner  how",
        "digits-1  running    2     0  ada    32% loss 0.123 123k/s 13 min",
        "digits-3  waiting  1-4     9  bob    no room",
        "digits-2  waiting    2     0  ada    digits-3 [2Jcomes first",
    ]


def test_ps_has_a_column_for_each_figure_where_there_is_room(
    queue: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")

    assert main(["ps"]) == 0

    head, first, *_ = capsys.readouterr().out.splitlines()
    wanted = "job state workers done loss samples/s left owner prio reason"
    assert head.split() == wanted.split()
    shown = "digits-1 running 2 32.0% 0.1235 123,456 13 min ada 0"
    assert first.split() == shown.split()


def test_ps_shows_workers_that_change(
    queue: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    queue.change("digits-1", workers=1, wanted=2)

    assert main(["ps"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[2] == "1→2"


@pytest.mark.parametrize("width", [64, 80, 100, 140])
def test_ps_fits_the_terminal(
    width: int,
    queue: FakeServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "a-nightly-job-with-a-long-name-217"
    queue.jobs[name] = make_job(name, 9, owner="a-long-name", reason="because " * 40)
    monkeypatch.setenv("COLUMNS", str(width))

    assert main(["ps"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert "217  waiting" in lines[-1]  # the number of a job is never cut off


def test_ps_goes_page_by_page(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "--limit", "2"]) == 0
    said = capsys.readouterr()
    assert "digits-2" not in said.out
    assert "3 jobs in all; next page: --after 2" in said.err

    assert main(["ps", "--limit", "2", "--after", "2", "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert [job["name"] for job in page["jobs"]] == ["digits-2"]
    assert page["next"] is None


def test_ps_filters(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "--all", "--owner", "ada", "--team", "vision", "--json"]) == 0

    names = [job["name"] for job in json.loads(capsys.readouterr().out)["jobs"]]
    assert names == ["digits-1", "digits-2", "old-1"]
    assert main(["ps", "--array", "none"]) == 0
    assert "distnet submit" in capsys.readouterr().err


def test_ps_imports_nothing_heavy(queue: FakeServer) -> None:
    code = (
        "import sys; from distnet.cli.main import main; main(['ps']);"
        "print(sorted(set(sys.argv[1:]) & sys.modules.keys()), file=sys.stderr)"
    )
    heavy = ["torch", "ray", "fastapi", "sqlalchemy", "httpx", "urllib3", "numpy", "rich", "yaml"]
    heavy += ["distnet.spec.sections.job", "distnet.server.server", "distnet.protocol"]

    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "[]"
    assert "digits-1" in done.stdout


def test_watching_ends_with_an_interrupt(queue: FakeServer) -> None:
    command = [sys.executable, "-u", "-m", "distnet.cli", "ps", "--watch"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None

    while "digits-2" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()

    assert process.wait() == 0


def test_why_says_what_a_job_waits_for(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", "digits-2"]) == 0

    said = capsys.readouterr().out
    assert "digits-2 is waiting, number 3 in the queue: 2 workers" in said
    for words in ("digits-1, digits-2", "big-1", "give or take 90 s", "2 free CPUs"):
        assert words in said
    assert main(["why", "digits-2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holders"] == ["big-1"]
    assert main(["why", "absent"]) == 2


def test_history_shows_what_has_ended(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history"]) == 0
    said = capsys.readouterr().out
    assert "old-1  failed" in said
    assert "1 min 30 s" in said
    assert "digits-1" not in said

    assert main(["history", "--since", "2h", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_history_reads_pages_until_there_are_enough(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.page = 2
    for number in range(7):
        ended = {"state": "finished", "ended_at": 1000.0 * number}
        server.jobs[f"a-{number}"] = make_job(f"a-{number}", number, **ended)

    assert main(["history", "--since", "1970-01-02", "--limit", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["history", "--limit", "5", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5


def test_history_of_a_job_is_all_its_events(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {"kind": "state", "job": "digits-1", "actor": "scheduler"}
    queue.events = [
        EventAnswer(number=n, time=1000.0 + n, text=f"thing {n}", **facts) for n in range(1, 6)
    ]

    assert main(["history", "digits-1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line[-7:] for line in lines] == [f"thing {n}" for n in range(1, 6)]


@pytest.mark.parametrize(
    ("verb", "job", "state"),
    [
        ("cancel", "digits-2", "cancelled"),
        ("hold", "digits-2", "held"),
        ("release", "digits-2", "waiting"),
        ("retry", "old-1", "waiting"),
    ],
)
def test_a_job_is_steered(
    verb: str, job: str, state: str, queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, job, "--json"]) == 0

    assert [answer["state"] for answer in json.loads(capsys.readouterr().out)] == [state]
    assert queue.jobs[job].state == state


def test_one_job_that_refuses_does_not_keep_the_others(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cancel", "absent", "old-1", "digits-2", "digits-3"]) == 2

    said = capsys.readouterr()
    assert "no job absent" in said.err
    assert "old-1 is failed" in said.err
    assert said.out.count("is cancelled") == 2


def test_the_priority_may_be_negative(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["priority", "digits-2", "-5"]) == 0
    assert capsys.readouterr().out == "digits-2 has priority -5\n"
    assert main(["priority", "digits-2", "5000"]) == 2


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["finished", "finished"], 0),
        (["finished", "failed"], 3),
        (["stopped", "finished"], 130),
        (["cancelled", "failed"], 3),
    ],
)
def test_wait_ends_as_the_jobs_do(
    states: list[str], code: int, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, state in enumerate(states):
        server.jobs[f"a-{number}"] = make_job(f"a-{number}", number)
        server.changes[f"a-{number}"] = [{"state": "unknown"}, {"state": state}]

    assert main(["wait", "a-0", "a-1", "--json"]) == code
    assert [job["state"] for job in json.loads(capsys.readouterr().out)] == states


def test_wait_gives_up_in_time(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wait", "digits-2", "--timeout", "0"]) == 2
    assert "digits-2 is waiting after 0 s" in capsys.readouterr().err


def test_wait_says_that_no_server_answers_and_gives_up_in_time(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISTNET_SERVER", "http://127.0.0.1:9")

    assert main(["wait", "digits-2", "--timeout", "0.3"]) == 2

    told = capsys.readouterr().err
    assert told.count("connection refused; this waits until one does") == 1
    assert "no server has told of digits-2 after 0.3 s" in told


def test_wait_lives_through_a_restart_of_the_server(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.faults += [503, 503]

    assert main(["wait", "old-1"]) == 3
    assert capsys.readouterr().err.count("this waits until one does") == 1


def test_an_interrupted_wait_says_how_to_go_on(queue: FakeServer) -> None:
    command = [sys.executable, "-u", "-m", "distnet.cli", "wait", "digits-2", "digits-3"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ})
    while not queue.asked:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()

    assert process.returncode == 130
    assert "wait again with: distnet wait digits-2 digits-3" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--worker", "7"], "--worker: found worker-7, expected one of run, metrics, worker-0, "),
        (["--stream", "nosuch"], "--stream: found nosuch, expected one of run, metrics, worker-0"),
        (["--offset", "12", "-f"], "--offset: found 12, expected at most 11, where"),
    ],
)
def test_what_a_log_does_not_have_is_refused(
    options: list[str], told: str, queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["digits-1", "run"] = b"epoch 1/10\n"

    assert main(["logs", "digits-1", *options]) == 2
    assert told in capsys.readouterr().err


def test_logs_say_why_there_are_none(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    queue.jobs["gone-1"] = make_job("gone-1", state="cancelled", ended_at=100.0)

    assert main(["logs", "digits-3"]) == 0
    told = "digits-3 is waiting and has no log yet; see: distnet why digits-3\n"
    assert capsys.readouterr().err == told
    assert main(["logs", "gone-1"]) == 0
    assert capsys.readouterr().err == "gone-1 is cancelled and has no log\n"


def test_a_log_has_the_same_keys_followed_or_not(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["old-1", "run"] = b"epoch 1/10\n"
    queue.complete.add("old-1")

    main(["logs", "old-1", "--json"])
    whole = json.loads(capsys.readouterr().out)
    main(["logs", "old-1", "-f", "--json"])
    pieces = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert all(piece.keys() == whole.keys() for piece in pieces)
    assert "".join(piece["text"] for piece in pieces) == whole["text"]


def test_logs_print_all_there_is(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    queue.logs["digits-1", "run"] = b"epoch 1/10\nepoch 2/10\n"
    queue.logs["digits-1", "worker-1"] = b"hello\n"

    assert main(["logs", "digits-1"]) == 0
    assert capsys.readouterr().out == "epoch 1/10\nepoch 2/10\n"
    assert main(["logs", "digits-1", "--worker", "1"]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert main(["logs", "digits-1", "--offset", "11", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "job": "digits-1",
        "stream": "run",
        "offset": 11,
        "next": 22,
        "end": 22,
        "is_complete": False,
        "text": "epoch 2/10\n",
    }
    assert main(["logs", "digits-1", "--worker", "1", "--stream", "run"]) == 2


def test_an_interrupted_log_says_how_to_go_on(queue: FakeServer) -> None:
    queue.logs["digits-1", "run"] = b"epoch 1/10\nepoch 2/10\n"
    command = [sys.executable, "-u", "-m", "distnet.cli", "logs", "digits-1", "-f"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout is not None
    said = "".join(process.stdout.readline() for _ in range(2))
    while not any("offset=22" in asked for asked in queue.asked):  # it has seen what it printed
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    rest, told = process.communicate()

    assert said + rest == "epoch 1/10\nepoch 2/10\n"
    assert process.returncode == 130
    assert "distnet logs digits-1 -f --offset 22" in told
    assert "Traceback" not in told


def test_a_log_is_followed_through_a_restart_of_the_server(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["digits-1", "run"] = b"epoch 1/10\nepoch 2/10\n"
    queue.complete.add("digits-1")
    queue.faults += ["drop", 503, "drop"]

    assert main(["logs", "digits-1", "-f"]) == 0
    assert capsys.readouterr().out == "epoch 1/10\nepoch 2/10\n"


def test_following_tells_why_there_is_nothing_yet(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.complete.add("digits-3")

    assert main(["logs", "digits-3", "-f"]) == 0
    assert capsys.readouterr().err == "digits-3 is waiting: no room\n"
