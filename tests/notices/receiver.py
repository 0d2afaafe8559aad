"""A receiver of notices: what apprise posts to `json://` addresses, over real HTTP."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what was sent; refuses the first ones, if it shall."""

    def __init__(self, *, num_refused: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.num_refused = num_refused
        self.got: list[dict[str, Any]] = []
        self.arrived = threading.Event()

    @property
    def address(self) -> str:
        return f"json://ada:a-secret-word@127.0.0.1:{self.server_address[1]}/hook"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_refused = self.server.num_refused > 0
        self.server.num_refused -= is_refused
        self.send_response(500 if is_refused else 200)
        self.end_headers()
        if not is_refused:
            self.server.got.append(sent)
            self.server.arrived.set()

    def log_message(self, *_: object) -> None:
        return


def addresses(folder: Path, *lines: str) -> Path:
    path = folder / "addresses.txt"
    path.write_text("\n".join(("# of the lab", "", *lines)))
    return path


@contextmanager
def receiving(*, num_refused: int = 0) -> Iterator[Receiver]:
    with Receiver(num_refused=num_refused) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
