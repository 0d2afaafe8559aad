"""FakeServer: stands in for the distnet server towards an attempt, over real HTTP."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from distnet.data.manifest import read_manifest
from distnet.protocol.attempt import AttemptConfig, Exit, Instructions, Report, SecretRequest
from distnet.protocol.versions import HEADER

SECRET = "only-for-this-attempt"
PATIENCE_S = 60.0


@dataclass
class FakeServer:
    """Keeps what an attempt reports, as the ledger does, and responds with `instructions`."""

    config: AttemptConfig | None = None
    code: bytes = b""
    dataset: Path | None = None
    """The folder of the dataset that attempts may copy."""
    paths: list[str] = field(default_factory=list)
    """Of the requests for it."""
    instructions: Callable[[Report], Instructions] = lambda _: Instructions()
    refusal: tuple[int, str] | None = None
    """The status and code of the response to every request."""
    version: str | None = None
    """Of the distnet that it says it is."""
    loses_responses: int = 0
    """The number of reports that are kept, but whose response is lost."""
    reports: list[Report] = field(default_factory=list)
    streams: dict[str, bytes] = field(default_factory=dict)
    exchanged: list[str] = field(default_factory=list)
    """The sha256 of the secrets that the agent of this attempt has made."""
    url: str = ""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def begin(self, config: AttemptConfig) -> None:
        """Begin another attempt, which has another secret that was exchanged for none yet."""
        self.config = config
        self.exchanged.clear()

    @property
    def exit(self) -> Exit | None:
        """How the attempt ended, by its own account."""
        return next((report.exit for report in self.reports if report.exit is not None), None)

    def wait(self, is_so: Callable[["FakeServer"], object], what: str = "it") -> None:
        """Wait until reports have made something so."""
        with self._changed:
            assert self._changed.wait_for(lambda: is_so(self), PATIENCE_S), f"{what} did not come"

    def respond(self, method: str, path: str, body: bytes, secret: str) -> tuple[int, bytes] | None:
        """Respond to one request; None breaks the connection."""
        if self.refusal is not None:
            status, code = self.refusal
            return status, json.dumps({"error": {"code": code, "message": "no"}}).encode()
        if not self._is_known(secret.removeprefix("Bearer "), path):
            return 401, b'{"error": {"code": "unauthenticated", "message": "who?"}}'
        if (method, path) == ("POST", "/api/v1/attempt/secret"):
            self.exchanged.append(SecretRequest.model_validate_json(body).sha256)
            return 204, b""
        if (method, path) == ("GET", "/api/v1/attempt") and self.config is not None:
            return 200, self.config.model_dump_json().encode()
        if (method, path) == ("POST", "/api/v1/attempt/report"):
            return self._report(Report.model_validate_json(body))
        return self._respond_file(path)

    def _is_known(self, secret: str, path: str) -> bool:
        """Whether a secret is the one of now; the first one is good for an exchange only."""
        is_first = secret == SECRET and (not self.exchanged or path.endswith("/secret"))
        return is_first or hashlib.sha256(secret.encode()).hexdigest() in self.exchanged[-1:]

    @property
    def dataset_sha256(self) -> str:
        """Of its manifest."""
        assert self.dataset is not None
        return read_manifest(self.dataset).sha256

    def _respond_file(self, path: str) -> tuple[int, bytes]:
        if path == "/api/v1/attempt/code":
            return 200, self.code
        if not path.startswith("/api/v1/attempt/dataset") or self.dataset is None:
            return 404, b"{}"
        self.paths.append(path)
        return 200, self._piece(self.dataset, path)

    def _piece(self, folder: Path, path: str) -> bytes:
        parts = urlsplit(path)
        name = parts.path.removeprefix("/api/v1/attempt/dataset").lstrip("/")
        if not name:
            return (folder / "manifest.json").read_bytes()
        query = {key: int(values[0]) for key, values in parse_qs(parts.query).items()}
        manifest = read_manifest(folder)
        shards = [shard for split in manifest.splits.values() for shard in split.shards]
        [file] = [shard.file for shard in shards if shard.sha256 == name]
        return (folder / file).read_bytes()[query["offset"] :][: query["limit"]]

    def _report(self, report: Report) -> tuple[int, bytes] | None:
        with self._changed:
            offsets = {piece.stream: self._keep(piece) for piece in report.pieces}
            self.reports.append(report)
            self._changed.notify_all()
            if self.loses_responses:
                self.loses_responses -= 1
                return None
        instructions = self.instructions(report).model_copy(update={"offsets": offsets})
        return 200, instructions.model_dump_json().encode()

    def _keep(self, piece: Any) -> int:
        kept = self.streams.get(piece.stream, b"")
        new = piece.text.encode()[max(0, len(kept) - piece.offset) :]
        if piece.offset <= len(kept):
            self.streams[piece.stream] = kept = kept + new
        return len(kept)


@contextmanager
def serving(server: FakeServer, port: int = 0) -> Iterator[FakeServer]:
    """Listen on 127.0.0.1 for the time of the context, and be gone afterwards."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._respond(b"")

        def do_POST(self) -> None:
            self._respond(self.rfile.read(int(self.headers["Content-Length"])))

        def _respond(self, body: bytes) -> None:
            secret = self.headers.get("Authorization", "")
            response = server.respond(self.command, self.path, body, secret)
            if response is None:
                self.close_connection = True
                return
            self.send_response(response[0])
            self.send_header("Content-Length", str(len(response[1])))
            if server.version is not None:
                self.send_header(HEADER, server.version)
            # Nobody talks on with a server that is gone; the client must know, or it may use the
            # connection again just before it closes.
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(response[1])

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

    listener = Listener(("127.0.0.1", port), Requests)
    server.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
