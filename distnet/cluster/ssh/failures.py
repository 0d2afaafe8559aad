"""What ssh's last words mean, and what to do about it.

ssh has one exit code for all failures of its own, 255, so its messages are read. They are not
translated, and have been the same for many releases; a message that is not known is shown as it is.
"""

import re
from dataclasses import dataclass

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.ssh.command import by_hand


@dataclass(frozen=True)
class Kind:
    """A kind of failure."""

    name: str
    pattern: re.Pattern[str]
    remedy: str
    """With {by_hand}, {hostname} and {known}, its name among known hosts."""


def _kind(name: str, pattern: str, remedy: str) -> Kind:
    return Kind(name, re.compile(pattern, re.IGNORECASE), remedy)


TRY = "try it by hand: {by_hand}"
CLOSED = (
    "the host ends the connection at once: its ssh server may be overloaded, have blocked this "
    "address, or something else listens on this port; "
) + TRY
KINDS = (
    _kind(
        "ssh-config",
        r"bad configuration option|bad owner or permissions on|terminating, \d+ bad conf|"
        r"Can't open user config file|unsupported option|no argument after keyword",
        "mend your ssh configuration; " + TRY,
    ),
    _kind(
        "changed-host-key",
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "if the host was installed anew, remove its old key with: ssh-keygen -R '{known}'; then "
        "connect once and compare the fingerprint: {by_hand}; if not, someone may be listening",
    ),
    _kind(
        "unknown-host-key",
        r"Host key verification failed|No .* host key is known for",
        "connect once, compare the fingerprint with the host's own, and accept it: {by_hand}",
    ),
    _kind(
        "key-file",
        r"Identity file .* not accessible|UNPROTECTED PRIVATE KEY FILE|Load key .*: .*|"
        r"no such identity: .*",
        "set `key` to the file of a private key that only you can read (chmod 600)",
    ),
    _kind(
        "too-many-keys",
        r"Too many authentication failures",
        "your ssh agent offers too many keys; name the right one with `key` in the cluster file",
    ),
    _kind(
        "second-factor",
        r"Permission denied \((?!.*publickey)",
        "the host demands more than a key; allow keys alone for this user, or use another user",
    ),
    _kind(
        "wrong-key",
        r"Permission denied \(|Permission denied, please try again",
        "check `user` and `key`; copy your public key with: ssh-copy-id; load a key that "
        "has a passphrase into your agent with: ssh-add",
    ),
    _kind(
        "expired-account",
        r"password has expired|account .*(expired|not available|locked)|"
        r"nologin: .*|not allowed because",
        "have an administrator of the host allow this user to log in",
    ),
    _kind(
        "port-closed",
        r"connect(ion)? .*: Connection refused|connect failed: Connection refused",
        "start the host's ssh server, or set the right `port`",
    ),
    _kind(
        "unknown-name",
        r"Could not resolve hostname|Name or service not known|nodename nor servname",
        "check the name in the cluster file, and in your ssh config: ssh -G {hostname}",
    ),
    _kind(
        "refused-by-server",
        r"kex_exchange_identification",
        CLOSED,
    ),
    _kind(
        "lost-connection",
        r"Timeout, server .* not responding|Broken pipe|closed by remote host|"
        r"client_loop: .*",
        "check the network and the host, then run the command again",
    ),
    _kind(
        "time-out",
        r"timed out",
        "check that the host runs, its address, and any firewall between; " + TRY,
    ),
    _kind(
        "unreachable",
        r"No route to host|Network is unreachable|Host is down|administratively prohibited",
        "check that the host runs, its address, and the network between; " + TRY,
    ),
    _kind(
        "old-ssh",
        r"Unable to negotiate with",
        "update the host's ssh server, or allow its algorithms in your ssh config",
    ),
    _kind(
        "jump-host",
        r"Connection closed by UNKNOWN port 65535|stdio forwarding failed",
        "check the jump host; " + TRY,
    ),
    _kind(
        "refused-by-server",
        r"Connection (closed|reset) by",
        CLOSED,
    ),
)
NOISE = re.compile(
    r"Pseudo-terminal|Warning: Permanently added|^\*\* |^@|^\s*$|debug\d: |Killed by signal|"
    r"known_hosts|^Add correct host key|Please contact your|IT IS POSSIBLE|Someone could be|"
    r"It is also possible|The fingerprint for|^SHA256:|mux_client|Control socket|stdio forwarding|"
    r"UNKNOWN port 65535"
)


def failure(host: Host, step: str, text: str, *, jump: str | None = None) -> HostError:
    """Turn what ssh printed before it gave up into an error.

    Args:
        host: that ssh was to reach.
        step: what it was for.
        text: what ssh printed on stderr.
        jump: the jump host, over which ssh did get through.
    """
    kind = next((kind for kind in KINDS if kind.pattern.search(text)), None)
    through = f" (through the jump host {jump})" if jump else ""
    found = _line(text, kind) + through
    if kind is None:
        return HostError(host.name, step, "ssh", found, TRY.format(by_hand=by_hand(host)))
    port = host.port or 22
    remedy = kind.remedy.format(
        by_hand=by_hand(host),
        hostname=host.hostname,
        known=host.hostname if port == 22 else f"[{host.hostname}]:{port}",
    )
    return HostError(host.name, step, kind.name, found, remedy)


def _line(text: str, kind: Kind | None) -> str:
    """The one line to show: that which made the kind, or else the last one."""
    lines = [line.strip() for line in text.splitlines()]
    if kind is not None and kind.name == "changed-host-key":
        where = next((line for line in lines if line.startswith("Offending")), "")
        return "the host's key has changed" + (f" ({where})" if where else "")
    if kind is not None and kind.name == "unknown-host-key":
        return "the host's key is not among your known hosts"
    marked = [line for line in lines if kind is not None and kind.pattern.search(line)]
    spoken = [line for line in lines if not NOISE.search(line)]
    return (marked or spoken or lines or ["ssh ended without a message"])[0].rstrip(".")
