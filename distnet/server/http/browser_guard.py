"""Protect against requests that other websites make a browser send.

Refused are requests for another host name than the server's (of an attacker, resolving to the
server: "DNS rebinding"), from another origin, or started by another site. Responses give no
permission to other origins, and the page can load and call nothing but its own server.
Source: OWASP, Cross-Site Request Forgery Prevention; W3C, Fetch Metadata Request Headers.
"""

import ipaddress
from collections.abc import Collection

from starlette.datastructures import Headers

from distnet.protocol.errors import ForbiddenError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OWN_SITES = ("same-origin", "none")
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        b"font-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; "
        b"form-action 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class BrowserGuard:
    """Checks the host, origin and site of requests."""

    def __init__(self, listen: str, names: Collection[str]) -> None:
        """Take the host on which the server listens, and its other names."""
        self._is_any = listen in ("0.0.0.0", "::")
        self._names = {name.lower() for name in (*LOOPBACK, listen, *names)}

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Refuse a request that another website may have caused.

        Raises:
            ForbiddenError: `foreign_host`, `foreign_origin` or `foreign_site`.
        """
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_own(hosts[0]):
            raise ForbiddenError(
                f"found Host {', '.join(hosts)[:100] or 'nothing'!r}, expected a name of this "
                "server; if it is one, add it to `hosts` in the settings file",
                code="foreign_host",
            )
        origins = headers.getlist("origin")
        if origins and not all(_is_same(origin, hosts[0]) for origin in origins):
            raise ForbiddenError(
                f"found Origin {origins[0][:100]!r}, expected the server's own page",
                code="foreign_origin",
            )
        site = headers.get("sec-fetch-site")
        if site is not None and site not in OWN_SITES and not _is_link(method, path, headers):
            raise ForbiddenError("this request was started by another website", code="foreign_site")

    def _is_own(self, host: str) -> bool:
        name = _without_port(host.lower())
        return name in self._names or (self._is_any and _is_address(name))


def _is_same(origin: str, host: str) -> bool:
    scheme, _, name = origin.partition("://")
    return scheme in ("http", "https") and name.lower() == host.lower()


def _is_link(method: str, path: str, headers: Headers) -> bool:
    """Whether a person followed a link to the page, which shows nothing without a token."""
    return (
        (method, path) == ("GET", "/")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
