"""Sends notices to the addresses of a file, which alone holds their passwords and tokens.

    mailto://ada:password@example.org?to=ada@example.org
    slack://TokenA/TokenB/TokenC
    # One address a line, of any of the services that apprise knows.

Source: apprise, https://github.com/caronc/apprise/wiki.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distnet.errors import DistnetError
from distnet.spec.extras import require_extra

EXAMPLE = "mailto://user:password@example.org"
WIKI = "https://github.com/caronc/apprise/wiki"


@dataclass(frozen=True)
class Notice:
    """What is sent."""

    title: str
    text: str
    is_failure: bool = False


@dataclass(frozen=True)
class Address:
    """Where notices go; it is shown without what is secret."""

    location: str
    """File and line."""
    service: str
    """Such as `slack`."""
    _target: Any

    def send(self, notice: Notice) -> bool:
        """Send a notice once; whether it was accepted. It takes some seconds at most."""
        kind = "failure" if notice.is_failure else "success"
        text = notice.text or notice.title
        return bool(self._target.notify(body=text, title=notice.title, notify_type=kind))


def read_addresses(path: Path) -> tuple[Address, ...]:
    """Read a file of addresses.

    Raises:
        DistnetError: there is no such file, it has no address, or an address is not understood.
        UnknownPartError: apprise is not installed.
    """
    apprise = require_extra("apprise", extra="notices", what="a notice")
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its warnings name addresses
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DistnetError(f"{path}: cannot read the addresses of notices: {reason}") from None
    found = tuple(_addresses(apprise, path, lines))
    if not found:
        raise DistnetError(f"{path}: found no address, expected one a line, such as {EXAMPLE}")
    return found


def _addresses(apprise: Any, path: Path, lines: list[str]) -> Iterator[Address]:
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        service, location = line.partition("://")[0], f"{path}:{number}"
        target = apprise.Apprise.instantiate(line, suppress_exceptions=True)
        if target is None:
            shown = f"{service}://..." if "://" in line else "no ://"
            raise DistnetError(
                f"{location}: found {shown}, which is of no known service or lacks a part; "
                f"expected an address such as {EXAMPLE}; see: {WIKI}"
            )
        yield Address(location, service, target)
