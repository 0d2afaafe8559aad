"""A proxy with https in front of the server: which are believed, and a real one (Caddy)."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from distnet.cli.main import main
from distnet.client.client import Client
from distnet.client.target import Target, find_target
from distnet.launch.ports import free_port
from distnet.protocol.attempt import Report
from distnet.protocol.errors import TooLargeError, UnavailableError
from tests import needs
from tests.server.fake_cluster import piece
from tests.server.harness import Harness, asks
from tests.server.http.api import Api
from tests.server.http.live import live

ROOT = Path(__file__).parents[3]
PROXY_STARTS_S = 30.0
WRONG = {"Authorization": "Bearer dn_wrong"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A server that believes a proxy on this machine."""
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        harness.settings = replace(harness.settings, proxies=("127.0.0.1/32",))
        yield Api(harness)


def denied_from(api: Api) -> list[str]:
    """The addresses of refused requests, by the event log."""
    return [text.partition(" from ")[2].partition(":")[0] for _, text in api.events("denied")]


def test_a_stated_proxy_says_who_its_client_is(api: Api) -> None:
    with live(api) as address:
        for forwarded in ("10.1.2.3", "6.6.6.6, 10.1.2.4", "10.1.2.5, 127.0.0.1"):
            headers = WRONG | {"X-Forwarded-For": forwarded}
            assert httpx.get(f"{address}/api/v1/jobs", headers=headers).status_code == 401

    assert denied_from(api) == ["10.1.2.3", "10.1.2.4", "10.1.2.5"]


def test_nobody_else_is_believed(api: Api) -> None:
    settings = replace(api.harness.settings, proxies=("10.0.0.0/8",))
    api.harness.settings = settings
    other = Api(api.harness)
    with live(other) as address:
        headers = WRONG | {"X-Forwarded-For": "10.1.2.3"}
        assert httpx.get(f"{address}/api/v1/jobs", headers=headers).status_code == 401

    assert denied_from(other) == ["127.0.0.1"]


@dataclass(frozen=True)
class Proxy:
    """Caddy with docker/Caddyfile, and a certificate of a CA of the test's own."""

    url: str
    ca: Path

    def get(self, path: str, *, address: str = "127.0.0.1", **headers: str) -> httpx.Response:
        """Send a GET from an address of this machine."""
        context = ssl.create_default_context(cafile=self.ca)
        transport = httpx.HTTPTransport(verify=context, local_address=address)
        with httpx.Client(transport=transport, timeout=60, trust_env=False) as client:
            return client.get(f"{self.url}{path}", headers=headers)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and server.pem and server.key for localhost."""
    folder = tmp_path_factory.mktemp("certificates")
    new = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]
    new += ["-pkeyopt", "ec_paramgen_curve:P-256"]
    authority = [*new, "-subj", "/CN=own CA", "-keyout", "ca.key", "-out", "ca.pem"]
    server = [*new, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    server += ["-addext", "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key"]
    server += ["-keyout", "server.key", "-out", "server.pem"]
    for command in (authority, server):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def caddy(upstream: str, certificates: Path, folder: Path) -> Iterator[Proxy]:
    if shutil.which("caddy") is None:
        needs.CADDY.skip()
    https, http = free_port("127.0.0.1"), free_port("127.0.0.1")
    settings = {
        "DISTNET_HOST": "localhost",
        "DISTNET_TLS": f"tls {certificates}/server.pem {certificates}/server.key",
        "DISTNET_UPSTREAM": upstream.removeprefix("http://"),
        "DISTNET_HTTP_PORT": str(http),
        "DISTNET_HTTPS_PORT": str(https),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    command = ["caddy", "run", "--config", str(ROOT / "docker" / "Caddyfile")]
    command += ["--adapter", "caddyfile"]
    with (folder / "caddy.log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log)
    try:
        wait_until_open(https, process, folder / "caddy.log")
        yield Proxy(f"https://localhost:{https}", certificates / "ca.pem")
    finally:
        process.terminate()
        process.wait(30)


def wait_until_open(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + PROXY_STARTS_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"Caddy does not listen on port {port}: {log.read_text()}")


@pytest.mark.check
def test_users_reach_the_server_through_caddy(
    api: Api,
    certificates: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
    for name in ("DISTNET_SERVER", "DISTNET_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    api.harness.submit(asks(), steps=1000)
    api.harness.run(2)
    with live(api) as upstream, caddy(upstream, certificates, tmp_path) as proxy:
        check_page(proxy)
        check_context(api, proxy, capsys)
        client = Client(find_target(), patience_s=0.0)
        check_uploads(client)
        check_following(api, client)
        check_addresses(api, proxy)
    with caddy(upstream, certificates, tmp_path) as proxy:  # the server has ended
        gone = Client(Target(proxy.url, ca=str(proxy.ca)), patience_s=0.0)
        with pytest.raises(UnavailableError, match="a proxy there responds with HTTP 502"):
            gone.whoami()


def check_page(proxy: Proxy) -> None:
    page = proxy.get("/")

    assert page.status_code == 200
    assert "<html" in page.text
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    same = {"Origin": proxy.url, "Sec-Fetch-Site": "same-origin"}
    assert proxy.get("/api/v1/jobs", **same).status_code == 401
    foreign = proxy.get("/api/v1/jobs", Origin="https://evil.example")
    assert foreign.json()["error"]["code"] == "foreign_origin"


def check_context(api: Api, proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    add = ["context", "add", "lab", proxy.url, "--token", api.token("ada")]
    assert main([*add, "--no-use"]) == 0
    printed = capsys.readouterr().err
    assert "its certificate is not trusted" in printed
    assert "--ca FILE" in printed

    assert main([*add, "--ca", str(proxy.ca)]) == 0
    assert capsys.readouterr().out == f"lab is {proxy.url} as ada (submitter)\n"
    assert main(["ps"]) == 0
    assert "digits-1" in capsys.readouterr().out


def check_uploads(client: Client) -> None:
    """Archives up to the server's own limit; a larger one gets the server's own refusal."""
    data = bytes(50_000_000)
    client.put_code(sha256(data).hexdigest(), data)
    assert client.has_code(sha256(data).hexdigest())
    with pytest.raises(TooLargeError, match="found a body of more than 50 MB"):
        client.put_code("ab" * 32, data + b"x")


def check_following(api: Api, client: Client) -> None:
    """A request that waits for more of a log gets it when it is there."""
    found: list[str] = []

    def follow() -> None:
        offset = 0
        while len(found) < 3:
            got = client.stream("digits-1", "run", offset=offset, wait_s=60.0)
            found.append(got["text"])
            offset = got["next"]

    follower = threading.Thread(target=follow)
    follower.start()
    [attempt] = api.harness.cluster.attempts.values()
    for number in range(3):
        wait_until_follows(api)
        pieces = (piece("run", 7 * number, f"line {number}\n"),)
        report = Report(is_training=True, pieces=pieces)
        url = f"{client.target.server}/api/v1/attempt/report"
        headers = {"Authorization": f"Bearer {attempt.request.secret}"}
        context = ssl.create_default_context(cafile=client.target.ca)
        body = report.model_dump(mode="json")
        assert httpx.post(url, json=body, headers=headers, verify=context).status_code == 200
        end = time.monotonic() + 30
        while len(found) <= number:
            assert time.monotonic() < end, f"line {number} did not arrive"
            time.sleep(0.01)
    follower.join(30)
    assert found == ["line 0\n", "line 1\n", "line 2\n"]


def wait_until_follows(api: Api) -> None:
    end = time.monotonic() + 30
    while api.app.state.followers.num_waiting == 0:
        assert time.monotonic() < end, "nobody follows the log"
        time.sleep(0.01)


def check_addresses(api: Api, proxy: Proxy) -> None:
    """Limits are those of the client's own address, whatever it claims to be."""
    claims = WRONG | {"X-Forwarded-For": "9.9.9.9"}
    statuses = [proxy.get("/api/v1/jobs", address="127.0.0.2", **claims).status_code]
    while statuses[-1] == 401 and len(statuses) < 200:
        statuses.append(proxy.get("/api/v1/jobs", address="127.0.0.2", **claims).status_code)

    assert set(statuses) == {401, 429}
    assert proxy.get("/api/v1/jobs", address="127.0.0.3", **claims).status_code == 401
    assert set(denied_from(api)) == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}
