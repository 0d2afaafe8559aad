"""FakeServer: stands in for the distnet server towards an attempt, over real HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from distnet.protocol.attempt import Exit, Orders, Report, Task

SECRET = "only-for-this-attempt"
PATIENCE_S = 60.0


@dataclass
class FakeServer:
    """Keeps what an attempt reports, as the ledger does, and answers with `orders`."""

    task: Task | None = None
    code: bytes = b""
    orders: Callable[[Report], Orders] = lambda _: Orders()
    refusal: tuple[int, str] | None = None
    """A status and a code to answer everything with."""
    loses_answers: int = 0
    """So many reports are taken down, but the answer to them is lost."""
    reports: list[Report] = field(default_factory=list)
    streams: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def exit(self) -> Exit | None:
        """How the attempt ended, by its own account."""
        return next((report.exit for report in self.reports if report.exit is not None), None)

    def wait(self, is_so: Callable[["FakeServer"], object], what: str = "it") -> None:
        """Wait until reports have made something so."""
        with self._changed:
            assert self._changed.wait_for(lambda: is_so(self), PATIENCE_S), f"{what} did not come"

    def answer(self, method: str, path: str, body: bytes, secret: str) -> tuple[int, bytes] | None:
        """Answer one request; None breaks the connection."""
        if self.refusal is not None:
            status, code = self.refusal
            return status, json.dumps({"error": {"code": code, "message": "no"}}).encode()
        if secret != f"Bearer {SECRET}":
            return 401, b'{"error": {"code": "unauthenticated", "message": "who?"}}'
        if (method, path) == ("GET", "/api/v1/attempt") and self.task is not None:
            return 200, self.task.model_dump_json().encode()
        if (method, path) == ("GET", "/api/v1/attempt/code"):
            return 200, self.code
        if (method, path) == ("POST", "/api/v1/attempt/report"):
            return self._report(Report.model_validate_json(body))
        return 404, b"{}"

    def _report(self, report: Report) -> tuple[int, bytes] | None:
        with self._changed:
            offsets = {piece.stream: self._keep(piece) for piece in report.pieces}
            self.reports.append(report)
            self._changed.notify_all()
            if self.loses_answers:
                self.loses_answers -= 1
                return None
        orders = self.orders(report).model_copy(update={"offsets": offsets})
        return 200, orders.model_dump_json().encode()

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
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            secret = self.headers.get("Authorization", "")
            answer = server.answer(self.command, self.path, body, secret)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])
            self.close_connection = True  # so that nobody talks on with a server that is gone

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
