"""A real HTTP server of files, which breaks off, changes and refuses as a test says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Served:
    """What the server has at one path."""

    data: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"1"'})
    has_ranges: bool = True
    has_length: bool = True
    statuses: list[int] = field(default_factory=list)
    """Of the next responses, before it sends the file."""
    breaks: list[int] = field(default_factory=list)
    """The bytes that each of the next responses sends before its connection breaks."""
    stalls: Event | None = None
    """What a response waits for instead of breaking off."""
    shift: int = 0
    """By how many bytes the ranges that it sends are wrong."""


@dataclass
class FileServer:
    """The address of the server, and what it was requested."""

    address: str
    files: dict[str, Served] = field(default_factory=dict)
    ranges: list[tuple[str, str | None]] = field(default_factory=list)
    """The path and the range of each request, in their order."""

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"


@contextmanager
def file_server() -> Iterator[FileServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served = FileServer(f"http://127.0.0.1:{server.server_address[1]}")
    server.served = served  # type: ignore[attr-defined]
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:  # noqa: N802
        path, wanted = self.path.lstrip("/"), self.headers["Range"]
        self.server.served.ranges.append((path, wanted))
        served = self.server.served.files.get(path)
        if served is None or served.statuses:
            self.send_error(served.statuses.pop(0) if served else 404)
            return
        if "Location" in served.headers:
            self.send_response(302)
            self.send_header("Location", served.headers["Location"])
            self.end_headers()
            return
        self._send(served, self._first_byte(served, wanted))

    def _first_byte(self, served: Served, wanted: str | None) -> int | None:
        """Where a range begins that is granted; None where all is sent."""
        is_same = self.headers["If-Range"] in served.headers.values()
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        return int(found[1]) if found and is_same and served.has_ranges else None

    def _send(self, served: Served, first: int | None) -> None:
        if first is not None and first >= len(served.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(served.data)}")
            self.end_headers()
            return
        rest = served.data[first or 0 :]
        self.send_response(200 if first is None else 206)
        for name, value in served.headers.items():
            self.send_header(name, value)
        if first is not None:
            begin, end = first + served.shift, len(served.data)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{end}")
        if served.has_length:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if not served.breaks:
            self.wfile.write(rest)
            return
        self.wfile.write(rest[: served.breaks.pop(0)])
        self.wfile.flush()
        if served.stalls is not None:
            served.stalls.wait()

    def log_message(self, *_: object) -> None:
        pass
