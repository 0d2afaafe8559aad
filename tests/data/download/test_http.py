"""One file over HTTP, from a real server on this machine."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from distnet.data.download.http import DownloadError, download, new_client
from distnet.data.download.part import Part
from tests.data.download.file_server import FileServer, Served

DATA = random.Random(0).randbytes(300_000)
Fetch = Callable[..., bytes]
AT_ONCE = (0.0, 0.0, 0.0)
"""No pauses before the repetitions of a request."""


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with new_client() as client:
        yield client


@pytest.fixture
def fetched(client: httpx.Client, server: FileServer, tmp_path: Path) -> Fetch:
    def fetch(path: str, most: int = len(DATA), repeats: int = 3) -> bytes:
        part, pauses_s = Part(tmp_path / "file"), AT_ONCE[:repeats]
        file = download(client, server.url(path), part, most_bytes=most, pauses_s=pauses_s)
        assert list(tmp_path.iterdir()) == [file]
        return file.read_bytes()

    return fetch


def test_a_whole_file_is_downloaded_once(server: FileServer, fetched: Fetch) -> None:
    server.files["a"] = Served(DATA)
    assert fetched("a") == DATA
    assert server.ranges == [("a", None)]


@pytest.mark.parametrize("headers", [{"ETag": '"1"'}, {"Last-Modified": "Mon, 01 Jan 2024"}])
def test_a_broken_connection_goes_on_where_it_was(
    server: FileServer, fetched: Fetch, headers: dict[str, str]
) -> None:
    server.files["a"] = Served(DATA, headers, breaks=[1000, 5000])
    assert fetched("a") == DATA
    assert server.ranges == [("a", None), ("a", "bytes=1000-"), ("a", "bytes=6000-")]


def test_a_later_process_goes_on_where_the_first_was(server: FileServer, fetched: Fetch) -> None:
    server.files["a"] = Served(DATA, breaks=[200_000])
    with pytest.raises(DownloadError, match="200 kB have arrived and stay: the same command"):
        fetched("a", repeats=0)
    assert fetched("a") == DATA
    assert server.ranges[1:] == [("a", "bytes=200000-")]


def test_a_file_that_changed_in_between_comes_anew(server: FileServer, fetched: Fetch) -> None:
    server.files["a"] = Served(b"old" * 1000, breaks=[1000])
    with pytest.raises(DownloadError):
        fetched("a", repeats=0)
    server.files["a"] = Served(DATA, {"ETag": '"2"'})
    assert fetched("a") == DATA
    assert server.ranges[1:] == [("a", "bytes=1000-")]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"1"'}])
def test_without_a_version_it_comes_anew(
    server: FileServer, fetched: Fetch, headers: dict[str, str]
) -> None:
    server.files["a"] = Served(DATA, headers, breaks=[1000])
    assert fetched("a") == DATA
    assert server.ranges == [("a", None), ("a", None)]


def test_a_part_of_another_address_is_not_used(server: FileServer, fetched: Fetch) -> None:
    server.files |= {"a": Served(b"a" * 5000, breaks=[1000]), "b": Served(DATA)}
    with pytest.raises(DownloadError):
        fetched("a", repeats=0)
    assert fetched("b") == DATA
    assert server.ranges[1:] == [("b", None)]


def test_a_server_without_ranges_sends_all_of_it(server: FileServer, fetched: Fetch) -> None:
    server.files["a"] = Served(DATA, has_ranges=False, breaks=[1000])
    assert fetched("a") == DATA


def test_other_bytes_than_those_requested_are_not_used(server: FileServer, fetched: Fetch) -> None:
    server.files["a"] = Served(DATA, breaks=[1000], shift=7)
    assert fetched("a") == DATA
    assert server.ranges == [("a", None), ("a", "bytes=1000-"), ("a", None)]


def test_a_part_that_is_longer_than_the_file_is_dropped(
    server: FileServer, fetched: Fetch, tmp_path: Path
) -> None:
    part = Part(tmp_path / "file")
    part.restart(server.url("a"), '"1"')
    part.partial.write_bytes(b"x" * 400_000)
    server.files["a"] = Served(DATA)
    assert fetched("a") == DATA
    assert server.ranges == [("a", "bytes=400000-"), ("a", None)]


def test_a_part_that_is_whole_is_not_downloaded_again(
    server: FileServer, fetched: Fetch, tmp_path: Path
) -> None:
    part = Part(tmp_path / "file")
    part.restart(server.url("a"), '"1"')
    part.partial.write_bytes(DATA)
    server.files["a"] = Served(DATA)
    assert fetched("a") == DATA
    assert server.ranges == [("a", "bytes=300000-")]


def test_a_damaged_note_beside_a_part_is_not_used(
    server: FileServer, fetched: Fetch, tmp_path: Path
) -> None:
    part = Part(tmp_path / "file")
    part.restart(server.url("a"), '"1"')
    part.partial.write_bytes(b"x" * 1000)
    (tmp_path / "file.part.json").write_text("[]")
    server.files["a"] = Served(DATA)
    assert fetched("a") == DATA
    assert server.ranges == [("a", None)]


def test_a_busy_server_is_requested_again(server: FileServer, fetched: Fetch) -> None:
    server.files["a"] = Served(DATA, statuses=[503, 429])
    assert fetched("a") == DATA
    assert len(server.ranges) == 3


@pytest.mark.parametrize(("status", "requests"), [(500, 4), (503, 4), (404, 1), (403, 1), (410, 1)])
def test_an_error_of_the_server_is_named(
    server: FileServer, fetched: Fetch, status: int, requests: int
) -> None:
    server.files["a"] = Served(DATA, statuses=[status] * 9)
    with pytest.raises(DownloadError, match=f"/a: answers {status} [A-Z]"):
        fetched("a")
    assert len(server.ranges) == requests


def test_a_server_that_is_not_there_is_named(client: httpx.Client, tmp_path: Path) -> None:
    part, nowhere = Part(tmp_path / "file"), "http://127.0.0.1:9/a"
    with pytest.raises(DownloadError, match="127.0.0.1:9/a: cannot be read: .*; check the network"):
        download(client, nowhere, part, most_bytes=9, pauses_s=())


def test_a_file_that_is_announced_too_large_is_refused(
    server: FileServer, fetched: Fetch, tmp_path: Path
) -> None:
    server.files["a"] = Served(DATA)
    with pytest.raises(DownloadError, match="found 300 kB or more, expected at most 10 kB"):
        fetched("a", most=10_000)
    assert Part(tmp_path / "file").num_bytes == 0


def test_a_file_that_is_larger_than_announced_is_refused(
    server: FileServer, fetched: Fetch, tmp_path: Path
) -> None:
    server.files["a"] = Served(DATA, has_length=False)
    with pytest.raises(DownloadError, match="expected at most 10 kB: it is another file"):
        fetched("a", most=10_000)
    assert Part(tmp_path / "file").num_bytes <= 10_000


def test_redirects_are_followed(server: FileServer, fetched: Fetch) -> None:
    server.files |= {"a": Served(headers={"Location": "/b"}), "b": Served(DATA, breaks=[1000])}
    assert fetched("a") == DATA
    assert server.ranges[-1] == ("b", "bytes=1000-")


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/a"])
def test_a_redirect_to_another_scheme_is_refused(
    server: FileServer, fetched: Fetch, target: str
) -> None:
    server.files["a"] = Served(headers={"Location": target})
    with pytest.raises(DownloadError, match=f"found a redirect to {target}, expected"):
        fetched("a")


def test_a_redirect_from_https_to_http_is_refused(tmp_path: Path) -> None:
    moved = httpx.Response(302, headers={"Location": "http://a.example/file"})
    fake_server = httpx.MockTransport(lambda request: moved)
    with (
        httpx.Client(transport=fake_server) as client,
        pytest.raises(DownloadError, match="redirect to http://a.example/file, .* with https"),
    ):
        download(client, "https://a.example/file", Part(tmp_path / "file"), most_bytes=10)


def test_redirects_without_end_are_refused(server: FileServer, fetched: Fetch) -> None:
    server.files["a"] = Served(headers={"Location": "/a"})
    with pytest.raises(DownloadError, match="more than 8 redirects"):
        fetched("a")


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:1")
    with pytest.raises(DownloadError, match="HTTP_PROXY, HTTPS_PROXY or ALL_PROXY: .*gopher"):
        new_client()
