import hashlib
import hmac
import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from distnet.server.observers.feed import Feed
from distnet.server.observers.webhooks import WebhookSender, checked_address, post
from distnet.server.settings import Webhooks
from tests.server.http.api import Api, body

SECRET = "a secret of more than sixteen characters"


class Receiver(http.server.ThreadingHTTPServer):
    """A receiver of webhooks, over https."""

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.statuses = [200]
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.arrived = threading.Event()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_address[1]}/hook?kind=distnet"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if len(self.server.statuses) > 1 else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "https://localhost:1/elsewhere")
        self.server.got.append((dict(self.headers.items()), data))
        self.server.arrived.set()
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key, own = path.with_name("key.pem"), path.with_name("own.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(own)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_text(key.read_text() + own.read_text())
    return path


@pytest.fixture
def receiver(certificate: Path) -> Iterator[Receiver]:
    with Receiver(certificate) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def webhooks(receiver: Receiver, certificate: Path, *, private: tuple[str, ...]) -> Webhooks:
    authority = certificate.with_name("own.pem")
    return Webhooks((receiver.url,), SECRET, private, authority)


LISTED = ("127.0.0.0/8", "::1/128")


def test_the_end_of_a_job_is_sent_signed_and_once(
    api: Api, receiver: Receiver, certificate: Path
) -> None:
    receiver.statuses = [500, 302, 200]  # it is sent again until it is accepted
    hooks = webhooks(receiver, certificate, private=LISTED)
    announcer = WebhookSender(hooks, lambda name: api.server.details(name).job, pauses_s=(0.0,) * 5)
    feed = Feed(api.harness.ledger, [announcer.read])
    announcer.start()

    api.client().post("/api/v1/jobs", json=body())
    api.client().post("/api/v1/jobs", json=body())
    api.harness.run(1)
    api.client().post("/api/v1/jobs/digits-1/cancel")  # two events, one end
    api.harness.cluster.fail("digits-2", "no", "user_error")
    api.harness.run(3)
    feed.catch_up()
    while len(receiver.got) < 4:
        assert receiver.arrived.wait(20)
        receiver.arrived.clear()
    announcer.close()

    messages = [json.loads(data) for _, data in receiver.got]
    assert {(one["event"], one["job"]["name"]) for one in messages} == {
        ("job-ended", "digits-1"),
        ("job-failed", "digits-2"),
    }
    assert len({headers["X-Distnet-Delivery"] for headers, _ in receiver.got}) == 2
    for headers, data in receiver.got:
        signed = headers["X-Distnet-Timestamp"].encode() + b"." + data
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Distnet-Signature"] == f"sha256={expected}"


def test_a_redirect_is_not_followed(receiver: Receiver, certificate: Path) -> None:
    receiver.statuses = [302, 200]
    hooks = webhooks(receiver, certificate, private=LISTED)

    assert post(urlsplit(receiver.url), b"{}", 1, hooks) == 302
    assert len(receiver.got) == 1


def test_a_private_address_is_refused_unless_it_is_listed(
    receiver: Receiver, certificate: Path
) -> None:
    hooks = webhooks(receiver, certificate, private=("10.0.0.0/8",))

    with pytest.raises(ValueError, match="not public"):
        post(urlsplit(receiver.url), b"{}", 1, hooks)
    assert receiver.got == []


def test_an_untrusted_certificate_is_refused(receiver: Receiver, certificate: Path) -> None:
    hooks = Webhooks((receiver.url,), SECRET, LISTED)

    with pytest.raises(ssl.SSLCertVerificationError):
        post(urlsplit(receiver.url), b"{}", 1, hooks)
    assert receiver.got == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0",
     "::ffff:10.0.0.1", "100.64.0.1", "224.0.0.1", "2130706433"],
)  # fmt: skip
def test_no_inner_address_is_called(host: str) -> None:
    with pytest.raises(ValueError, match="not public"):
        checked_address(host, 443, ())


def test_public_and_listed_addresses_are_called() -> None:
    assert checked_address("8.8.8.8", 443, ()) == "8.8.8.8"
    assert checked_address("10.1.2.3", 443, ("10.1.0.0/16",)) == "10.1.2.3"
