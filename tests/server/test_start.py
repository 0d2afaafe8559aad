"""`distnet server start` as a real process; there is no Ray behind it."""

import os
import re
import resource
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from distnet.server.http.listen import address_of, is_routable, parse_listen
from distnet.server.start import Started, own_name, serve
from distnet.spec.sections.section import NAME
from tests.server.harness import Harness, asks
from tests.server.http.api import body
from tests.server.http.home import NO_RAY, Home, Running


def test_the_first_start_makes_an_admin_whose_token_is_at_hand(home: Home) -> None:
    with home.server() as server:
        who = server.client.get("/api/v1/whoami").json()
        assert (who["user"], who["role"]) == (own_name(), "admin")
        assert server.facts["ledger"] == who["server"]

        path = home.folder / "config" / "contexts.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert home.contexts["current"] == "local"
        assert home.contexts["contexts"]["local"]["server"] == server.facts["address"]
        assert home.contexts["contexts"]["local"]["token"] not in server.facts.values()
        code, said = server.end(signal.SIGTERM)
        assert code == 0
        assert said.splitlines()[-1] == "the server has ended; no job was running"


def test_a_server_that_is_killed_continues_where_it_was(home: Home) -> None:
    with home.server() as server:
        response = server.client.post("/api/v1/jobs", json=body())
        assert response.status_code == 201
        server.end(signal.SIGKILL)
    with home.server() as server:
        assert server.facts["context"] == "local"
        assert home.contexts["contexts"]["local"]["server"] == server.facts["address"]
        jobs = server.client.get("/api/v1/jobs").json()["jobs"]
        assert [job["name"] for job in jobs] == ["digits-1"]
        assert server.end(signal.SIGINT)[0] == 0


def test_a_second_server_of_a_ledger_names_the_first_one(home: Home) -> None:
    with home.server() as server:
        refused = home.run("start", "--listen", "127.0.0.1:0", "--ray", NO_RAY, "--json")

        assert refused.returncode == 2
        assert f"process {server.process.pid} on" in refused.stderr
        assert server.facts["address"] in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_waiting_server_replaces_the_one_that_dies(home: Home) -> None:
    with home.server() as first:
        command = home.command("start", "--json", "--listen", "127.0.0.1:0", "--wait")
        with subprocess.Popen(
            command, env=home.environment, cwd=home.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as waiting:  # fmt: skip
            assert waiting.stderr is not None
            assert "waiting until it ends" in waiting.stderr.readline()
            assert first.client.post("/api/v1/jobs", json=body()).status_code == 201
            first.end(signal.SIGKILL)
            second = Running(waiting, home)
            assert second.client.get("/api/v1/jobs").json()["num_total"] == 1
            assert second.end(signal.SIGTERM)[0] == 0


def test_a_port_in_use_is_reported(home: Home) -> None:
    with home.server() as server:
        port = server.facts["address"].rpartition(":")[2]
        refused = home.run("start", "--listen", f"127.0.0.1:{port}", "--ledger", "sqlite:////x")

    assert refused.returncode == 2
    assert "in use" in refused.stderr


def test_an_unreachable_cluster_is_reported_once(home: Home) -> None:
    with home.server() as server:
        assert server.process.stderr is not None
        warned = server.process.stderr.readline()
        _, rest = server.end(signal.SIGTERM)

    assert f"cannot reach the Ray cluster at {NO_RAY}: connection refused" in warned
    assert "jobs wait until it is; start one with: ray start --head" in warned
    assert rest == "the server has ended; no job was running\n"


def test_connections_are_no_more_than_files_may_be_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1000, 1000))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        pass
    serve(
        replace(harness.settings, address=""),
        harness.cluster,
        port=0,
        on_start=lambda _: os.kill(os.getpid(), signal.SIGTERM),
        say=lambda _: None,
    )

    assert "may open 1000 files: limits.connections is 400, not 8000" in caplog.text


def test_jobs_that_continue_are_reported_at_the_end_and_at_the_start(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        harness.submit(asks(), steps=1000)
        harness.run(2)
    adopted: list[int] = []
    messages: list[str] = []

    def on_start(started: Started) -> None:
        adopted.append(started.num_adopted)
        os.kill(os.getpid(), signal.SIGTERM)

    serve(
        replace(harness.settings, address=""),
        harness.cluster,
        port=0,
        on_start=on_start,
        say=messages.append,
    )

    assert adopted == [1]
    assert messages == [
        "the server has ended; 1 job continues to train, and the next start of the server adopts it"
    ]


def test_wrong_options_are_reported_in_one_line(home: Home) -> None:
    wrong = (
        ("--listen", "127.0.0.1:http"),
        ("--ledger", "mysql://x"),
        ("--settings", "none.yaml"),
        ("--listen", "203.0.113.77:0"),
        ("--listen", "8270"),
        ("--address", "foo"),
        ("--ray", "ray://127.0.0.1:10001"),
        ("--ray", "foo"),
        ("--ray", ""),
    )
    commands = [["server", "start", "--ray", NO_RAY, *options] for options in wrong]
    script = f"from distnet.cli.main import main; print([main(c) for c in {commands}])"
    tried = subprocess.run(
        [sys.executable, "-c", script],
        env={**home.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=home.folder,
        capture_output=True,
        text=True,
        check=True,
    )

    assert tried.stdout.strip() == str([2] * len(wrong))
    said = tried.stderr.splitlines()
    assert [line.startswith("error: ") for line in said] == [True] * len(wrong), said
    assert "'8270': expected HOST:PORT, as in 127.0.0.1:8270" in said[4]
    assert "--address: found 'foo', expected an address such as http://" in said[5]
    wanted = "expected the dashboard's address such as http://10.0.0.1:8265"
    assert f"--ray: found 'ray://127.0.0.1:10001', {wanted}" in said[6]


def test_an_address_of_ray_in_the_environment_is_checked(home: Home) -> None:
    home.environment["RAY_API_SERVER_ADDRESS"] = "ray://127.0.0.1:10001"
    refused = home.run("start", "--listen", "127.0.0.1:0")

    assert refused.returncode == 2
    assert "RAY_API_SERVER_ADDRESS: found 'ray://127.0.0.1:10001'" in refused.stderr
    assert not (home.folder / "state").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("0.0.0.0", ("0.0.0.0", 8270)),
        (":9000", ("127.0.0.1", 9000)),
        ("[::1]:9000", ("::1", 9000)),
        ("::1", ("::1", 8270)),
        ("lab", ("lab", 8270)),
    ],
)
def test_listen_is_read_in_every_form(text: str, expected: tuple[str, int]) -> None:
    assert parse_listen(text) == expected


def test_only_loopback_is_not_routable() -> None:
    assert not any(is_routable(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert all(is_routable(host) for host in ("0.0.0.0", "::", "10.0.0.1", "lab", "fe80::1"))
    assert address_of("::1", 9000) == "http://[::1]:9000"


def test_the_admin_has_a_name_that_a_user_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("root", "Ada Lovelace", "x" * 99, "---", "MÜLLER", "DOMAIN\\ada"):
        monkeypatch.setenv("LOGNAME", name)
        assert re.fullmatch(NAME, own_name())
