"""Download one file over HTTP: what has arrived stays, and the rest is requested with a range.

`If-Range` (RFC 9110, section 13.1.5) names the version of which a part is here: a server that has
another one by now sends all of it, and the download begins anew.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin

import httpx

from distnet.data.download.part import Part
from distnet.errors import DataError
from distnet.spec.amounts import shown_bytes

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
PAUSES_S = (1.0, 3.0, 9.0)
"""Before each repetition of a request that failed; counted anew when bytes have arrived."""
MOST_REDIRECTS = 8
SAFER = {True: ("https://",), False: ("http://", "https://")}
"""Where an address may lead, by whether it is https."""
NOT_NOW = (408, 429, 500, 502, 503, 504)
OnBytes = Callable[[int, int | None], None]
"""Takes the bytes of a file that are here, and of how many, if the server says so."""


class DownloadError(DataError):
    """The address does not have the file, or cannot be reached."""


class _AgainError(Exception):
    """The request failed in a way that may pass."""


def new_client() -> httpx.Client:
    """Make the client of all downloads; proxies are those of the environment.

    Raises:
        DownloadError: a proxy is not of a kind that httpx knows.
    """
    # Ranges count the bytes of the file itself, so it must not be compressed on the way.
    headers = {"User-Agent": "distnet", "Accept-Encoding": "identity"}
    try:
        return httpx.Client(headers=headers, timeout=TIMEOUT)
    except (ImportError, ValueError) as error:
        raise DownloadError(f"HTTP_PROXY, HTTPS_PROXY or ALL_PROXY: {error}") from None


def download(
    client: httpx.Client,
    address: str,
    part: Part,
    *,
    most_bytes: int,
    on_bytes: OnBytes = lambda here, size: None,
    pauses_s: tuple[float, ...] = PAUSES_S,
) -> Path:
    """Download a file, or the rest of it; returns where it is.

    Args:
        client: of `new_client`.
        address: http or https; redirects from https to http are refused.
        part: what is here of it.
        most_bytes: a larger file is refused.
        on_bytes: called after each piece.
        pauses_s: seconds before each repetition after a failure that may pass.

    Raises:
        DownloadError: the address does not have it, has something larger, or does not respond.
        OSError: the disk is full or cannot be written.
    """
    failures = 0
    while True:
        before = part.num_bytes
        try:
            _go_on(client, address, part, most_bytes, on_bytes)
            return part.finish()
        except (_AgainError, httpx.TransportError) as error:
            failures = 0 if part.num_bytes > before else failures
            if failures == len(pauses_s):
                raise DownloadError(f"{address}: {_reason(error)}; {_stays(part)}") from None
            time.sleep(pauses_s[failures])
            failures += 1


def _go_on(
    client: httpx.Client, address: str, part: Part, most_bytes: int, on_bytes: OnBytes
) -> None:
    version, here = part.version(address), part.num_bytes
    wanted = {} if version is None else {"Range": f"bytes={here}-", "If-Range": version}
    with _opened(client, address, wanted) as response:
        status = response.status_code
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and wanted:
            if response.headers.get("Content-Range") == f"bytes */{here}":
                return  # all of it had arrived
            part.restart(address, None)
            raise _AgainError("refuses to send the rest of what has arrived")
        _require_found(address, response)
        if status == HTTPStatus.OK:
            part.restart(address, _version(response))
            here = 0
        elif status != HTTPStatus.PARTIAL_CONTENT or _first_byte(response) != here:
            part.restart(address, None)
            raise _AgainError(f"answers {status} with other bytes than those requested")
        announced = response.headers.get("Content-Length", "")
        size = here + int(announced) if announced.isdecimal() else None
        _require_small(address, size or here, most_bytes)
        _append(response, part, most_bytes, lambda now: on_bytes(now, size))


def _append(
    response: httpx.Response, part: Part, most_bytes: int, on_bytes: Callable[[int], None]
) -> None:
    here = part.num_bytes
    with part.partial.open("ab") as file:
        for piece in response.iter_raw():
            here += len(piece)
            _require_small(str(response.url), here, most_bytes)
            file.write(piece)
            file.flush()  # a kill loses nothing
            on_bytes(here)


@contextmanager
def _opened(
    client: httpx.Client, address: str, headers: Mapping[str, str]
) -> Iterator[httpx.Response]:
    """Send a GET and follow redirects, but to no address that is less safe."""
    url = address
    for _ in range(MOST_REDIRECTS):
        with client.stream("GET", url, headers=headers) as response:
            if not response.has_redirect_location:
                yield response
                return
            target = urljoin(url, response.headers["Location"])
        if not target.startswith(SAFER[url.startswith("https:")]):
            raise DownloadError(
                f"{address}: found a redirect to {target}, expected one to another address with "
                f"{url.partition(':')[0]}"
            )
        url = target
    raise DownloadError(f"{address}: found more than {MOST_REDIRECTS} redirects, expected a file")


def _require_found(address: str, response: httpx.Response) -> None:
    status = response.status_code
    if status in NOT_NOW:
        raise _AgainError(f"answers {status} {response.reason_phrase}")
    if not response.is_success:
        raise DownloadError(
            f"{address}: answers {status} {response.reason_phrase}, expected a file"
        )


def _require_small(address: str, num_bytes: int, most_bytes: int) -> None:
    if num_bytes > most_bytes:
        raise DownloadError(
            f"{address}: found {shown_bytes(num_bytes)} or more, expected at most "
            f"{shown_bytes(most_bytes)}: it is another file than that of the catalogue"
        )


def _version(response: httpx.Response) -> str | None:
    """What identifies the bytes; a weak ETag (`W/`) does not."""
    etag: str = response.headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    modified: str | None = response.headers.get("Last-Modified")
    return modified


def _first_byte(response: httpx.Response) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _reason(error: Exception) -> str:
    if isinstance(error, _AgainError):
        return str(error)
    return f"cannot be read: {str(error) or type(error).__name__}"


def _stays(part: Part) -> str:
    if not part.num_bytes:
        return "check the network, then run the command again"
    return f"{shown_bytes(part.num_bytes)} have arrived and stay: the same command goes on there"
