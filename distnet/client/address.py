"""The address of a server, and the form of a token."""

import re
from urllib.parse import urlsplit

from distnet.errors import DistnetError

DEFAULT = "http://127.0.0.1:8270"
TOKEN = re.compile(r"[!-~]{1,500}")


def normalised(url: str) -> str:
    """Write an address in its normal form: `lab:8270/` as `http://lab:8270`.

    Raises:
        DistnetError: it is not an HTTP address.
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
        raise _wrong(
            url,
            "found more than an address, expected http://HOST:PORT; give a token as DISTNET_TOKEN",
        )
    name = f"[{host}]" if ":" in host else host
    number = "" if port is None else f":{port}"
    return f"{parts.scheme}://{name}{number}{parts.path.rstrip('/')}"


def explicit(url: str, what: str, expected: str = "http://HOST:PORT or https://HOST") -> str:
    """The same for an address that is saved: a bare word, more likely a typo, is refused.

    Args:
        url: an http or https URL, or HOST:PORT.
        what: what the address is for, to begin the error with.
        expected: the form to name in the error.

    Raises:
        DistnetError: it is neither.
    """
    try:
        address = normalised(url)
    except DistnetError:
        address = ""
    if not address or ("://" not in url and urlsplit(address).port is None):
        raise DistnetError(f"{what}: found {url!r}, expected {expected}")
    return address


def checked_token(token: str | None) -> str | None:
    """Strip a token; an empty one becomes None.

    Raises:
        DistnetError: it has characters that tokens do not have.
    """
    token = (token or "").strip()
    if token and not TOKEN.fullmatch(token):
        raise DistnetError(
            "the token has characters that tokens do not have; copy all of it, as dn_..."
        )
    return token or None


def _wrong(url: str, message: str) -> DistnetError:
    return DistnetError(f"server {url!r}: {message}")
