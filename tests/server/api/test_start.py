"""`distnet server start` and `token` as real processes; there is no Ray behind them."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from distnet.server.listen import address_of, is_routable, parse_listen
from distnet.server.start import Started, own_name, serve
from distnet.spec.section import NAME
from tests.server.api.api import body
from tests.server.world import World, asks

NO_RAY = "http://127.0.0.1:9"


class Home:
    """A user's home: configuration and ledger of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("DISTNET")},
            "DISTNET_CONFIG": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
        }

    @property
    def contexts(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads((self.folder / "config" / "contexts.json").read_text())
        return known

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def server(self, *arguments: str, listen: str = "127.0.0.1:0") -> Iterator["Running"]:
        """A server that answers; killed at the end if it still runs."""
        command = self.command("start", "--json", "--listen", listen, "--ray", NO_RAY, *arguments)
        with subprocess.Popen(
            command,
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield Running(process, self)
            finally:
                process.kill()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "distnet.cli", "server", *arguments]


class Running:
    """A server process."""

    def __init__(self, process: "subprocess.Popen[str]", home: Home) -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        self.facts: dict[str, Any] = json.loads(line)
        self._home = home

    @property
    def client(self) -> httpx.Client:
        token = self._home.contexts["contexts"][self.facts["context"]]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.facts["address"], headers=headers, timeout=30)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; returns the exit code and what was said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


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


def test_a_server_that_is_killed_goes_on_where_it_was(home: Home) -> None:
    with home.server() as server:
        answer = server.client.post("/api/v1/jobs", json=body())
        assert answer.status_code == 201
        server.end(signal.SIGKILL)
    with home.server() as server:
        assert server.facts["context"] == "local"
        assert home.contexts["contexts"]["local"]["server"] == server.facts["address"]
        jobs = server.client.get("/api/v1/jobs").json()["jobs"]
        assert [job["name"] for job in jobs] == ["digits-1"]
        assert server.end(signal.SIGINT)[0] == 0


def test_a_second_server_of_a_ledger_is_told_who_has_it(home: Home) -> None:
    with home.server() as server:
        refused = home.run("start", "--listen", "127.0.0.1:0", "--ray", NO_RAY, "--json")

        assert refused.returncode == 2
        assert f"process {server.process.pid} on" in refused.stderr
        assert server.facts["address"] in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_server_that_waits_takes_the_place_of_the_one_that_dies(home: Home) -> None:
    with home.server() as first:
        command = home.command("start", "--json", "--listen", "127.0.0.1:0", "--wait")
        with subprocess.Popen(
            command, env=home.environment, cwd=home.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as waiting:  # fmt: skip
            assert waiting.stderr is not None
            assert "waiting for its end" in waiting.stderr.readline()
            assert first.client.post("/api/v1/jobs", json=body()).status_code == 201
            first.end(signal.SIGKILL)
            second = Running(waiting, home)
            assert second.client.get("/api/v1/jobs").json()["num_total"] == 1
            assert second.end(signal.SIGTERM)[0] == 0


def test_a_port_in_use_is_told(home: Home) -> None:
    with home.server() as server:
        port = server.facts["address"].rpartition(":")[2]
        refused = home.run("start", "--listen", f"127.0.0.1:{port}", "--ledger", "sqlite:////x")

    assert refused.returncode == 2
    assert "in use" in refused.stderr


def test_a_routable_address_needs_a_token_first(home: Home) -> None:
    refused = home.run("start", "--listen", "0.0.0.0:0", "--ray", NO_RAY)
    assert refused.returncode == 2
    assert "distnet server token" in refused.stderr
    assert not (home.folder / "config").exists()

    made = home.run("token", "--json")
    assert json.loads(made.stdout)["role"] == "admin"
    token = json.loads(made.stdout)["secret"]

    with home.server(listen="0.0.0.0:0") as server:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{server.facts['address'].rpartition(':')[2]}/api/v1/whoami"
        assert httpx.get(url, headers=headers).json()["user"] == own_name()
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={**headers, "Host": "evil.example"}).status_code == 403


def test_a_token_can_be_made_while_the_server_runs(home: Home) -> None:
    with home.server() as server:
        token = home.run("token", "ada", "--role", "submitter").stdout.strip()
        assert re.fullmatch(r"dn_[a-z0-9]{12}_[A-Za-z0-9_-]{43}", token)
        headers = {"Authorization": f"Bearer {token}"}
        who = httpx.get(f"{server.facts['address']}/api/v1/whoami", headers=headers).json()
        assert (who["user"], who["role"]) == ("ada", "submitter")


def test_only_the_first_user_is_an_admin_by_default(home: Home) -> None:
    first, second = home.run("token", "ada"), home.run("token", "eve")
    assert re.fullmatch(r"dn_[a-z0-9]{12}_[A-Za-z0-9_-]{43}\n", first.stdout)
    assert f"token {first.stdout[3:15]} of ada (admin); " in first.stderr
    assert f"token {second.stdout[3:15]} of eve (submitter); " in second.stderr

    refused = home.run("token", "eve", "--role", "viewer")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "eve is submitter already" in refused.stderr
    assert (
        "of eve (viewer); " in home.run("token", "eve", "--role", "viewer", "--change-role").stderr
    )


def test_a_token_that_cannot_be_made_is_told(home: Home) -> None:
    wrong = home.run("token", "Not A Name")
    assert wrong.returncode == 2
    assert "user 'Not A Name': expected" in wrong.stderr

    absent = home.folder / "absent" / "x.db"
    refused = home.run("token", "--ledger", f"sqlite:///{absent}")
    assert refused.returncode == 2
    assert f"there is no ledger at {absent}; start the server with it first" in refused.stderr
    assert not absent.parent.exists()


def test_a_cluster_that_does_not_answer_is_told_once(home: Home) -> None:
    with home.server() as server:
        assert server.process.stderr is not None
        warned = server.process.stderr.readline()
        _, rest = server.end(signal.SIGTERM)

    assert f"the Ray cluster at {NO_RAY} does not answer: connection refused" in warned
    assert "jobs wait until it does; start one with: ray start --head" in warned
    assert rest == "the server has ended; no job was running\n"


def test_jobs_that_go_on_are_told_at_the_end_and_at_the_start(tmp_path: Path) -> None:
    with World(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as world:
        world.submit(asks(), steps=1000)
        world.run(2)
    adopted: list[int] = []
    said: list[str] = []

    def told(started: Started) -> None:
        adopted.append(started.num_adopted)
        os.kill(os.getpid(), signal.SIGTERM)

    serve(replace(world.settings, address=""), world.cluster, port=0, told=told, say=said.append)

    assert adopted == [1]
    assert said == [
        "the server has ended; 1 job goes on training, and the next start adopts what runs"
    ]


def test_a_second_ledger_takes_neither_the_token_nor_the_commands_of_the_first(home: Home) -> None:
    with home.server():
        first = home.contexts["contexts"]["local"]
        with home.server("--ledger", f"sqlite:///{home.folder}/other.db") as server:
            assert server.facts["context"] == f"local-{server.facts['ledger']}"
            assert home.contexts["contexts"]["local"] == first
            assert home.contexts["current"] == "local"
            assert server.facts["is_current"] is False


def test_a_start_leads_commands_to_the_ledger_that_is_at_the_address_now(home: Home) -> None:
    def start(*arguments: str) -> str:
        with home.server(*arguments, listen=listen) as server:
            assert server.facts["is_current"]
            assert home.contexts["current"] == server.facts["context"]
            assert server.client.get("/api/v1/whoami").status_code == 200
            listens.append(server.facts["address"].removeprefix("http://"))
            server.end(signal.SIGTERM)
            return str(server.facts["context"])

    listen, listens = "127.0.0.1:0", []
    assert start() == "local"
    listen = listens[0]
    other = ("--ledger", f"sqlite:///{home.folder}/other.db")
    assert start(*other).startswith("local-")
    assert start() == "local"


def test_wrong_options_are_told_in_one_line(home: Home) -> None:
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
