"""The address of a server, and the form of a token."""

import re
from urllib.parse import urlsplit

from distnet.errors import DistnetError

DEFAULT = "http://127.0.0.1:8270"
TOKEN = re.compile(r"[!-~]{1,500}")


def normalised(url: str) -> str:
    """Write an address in one way: `lab:8270/` as `http://lab:8270`.

    Raises:
        DistnetError: it is no address of a server.
    """
    text = url.strip()
    text = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    is_plain = text.isascii() and text.isprintable() and " " not in text
    if not host or not is_plain or parts.scheme not in ("http", "https"):
        raise _wrong(url, "expected the form http://HOST:PORT or https://HOST")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _wrong(url, "found more than an address; a token is given by DISTNET_TOKEN")
    name = f"[{host}]" if ":" in host else host
    number = "" if port is None else f":{port}"
    return f"{parts.scheme}://{name}{number}{parts.path.rstrip('/')}"


def explicit(url: str, what: str, expected: str = "http://HOST:PORT or https://HOST") -> str:
    """The same for an address that is kept: a bare word, more likely a mistake, is none.

    Args:
        url: an http or https URL, or HOST:PORT.
        what: whose address it is, for the error.
        expected: what is told to be expected instead.

    Raises:
        DistnetError: it is none of these.
    """
    try:
        address = normalised(url)
    except DistnetError:
        address = ""
    if not address or ("://" not in url and urlsplit(address).port is None):
        raise DistnetError(f"{what}: found {url!r}, expected {expected}")
    return address


def checked_token(token: str | None) -> str | None:
    """Take blanks off a token; nothing is left of an empty one.

    Raises:
        DistnetError: it has characters that no token has.
    """
    token = (token or "").strip()
    if token and not TOKEN.fullmatch(token):
        raise DistnetError("the token holds characters that no token has; copy it whole, as dn_...")
    return token or None


def _wrong(url: str, message: str) -> DistnetError:
    return DistnetError(f"server {url!r}: {message}")
