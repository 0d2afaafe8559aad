"""Start the server: port, ledger, lead, first user, HTTP; and end it without affecting jobs.

It can be killed at any point: the next start has nothing to repair.
"""

import getpass
import logging
import math
import os
import re
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from distnet.errors import DistnetError
from distnet.notices.notifier import read_addresses
from distnet.protocol.errors import UnavailableError
from distnet.server.gateway.gateway import Gateway
from distnet.server.gateway.reachability_notice import ReachabilityNotice
from distnet.server.http.app import make_app
from distnet.server.http.listen import address_of, bind, is_routable
from distnet.server.http.uvicorn_server import HttpServer
from distnet.server.ledger import Ledger, events, open_ledger
from distnet.server.ledger.records import EventRecord
from distnet.server.loop.garbage import rare_full_collections
from distnet.server.loop.ticker import Ticker
from distnet.server.observers.feed import Feed
from distnet.server.observers.notices import NoticeSender
from distnet.server.observers.webhooks import WebhookSender
from distnet.server.server import Server
from distnet.server.settings import Settings
from distnet.server.users.authenticator import Authenticator
from distnet.server.users.users import Users

STARTED = "server-started"
LEAD_RETRY_S = 1.0
OPEN_FILES = 16_384
OTHER_FILES = 500
"""Besides connections: the ledger, datasets, connections to the cluster."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """A server that accepts requests."""

    address: str
    """At which this machine reaches it."""
    ledger: Ledger
    users: Users
    token: str | None
    """Of the first admin, if the server has just created that user."""
    num_adopted: int = 0
    """Jobs that continued without a server, and are monitored again."""


def serve(
    settings: Settings,
    gateway: Gateway,
    *,
    port: int,
    is_patient: bool = False,
    on_start: Callable[[Started], None],
    say: Callable[[str], None] = logger.warning,
) -> None:
    """Run the server until a signal, or the loss of the lead, ends it.

    Args:
        settings: an empty `address` is determined here.
        gateway: the cluster.
        port: to listen on; 0 takes any free one.
        is_patient: whether to wait while another server leads the ledger.
        on_start: called once the server accepts requests.
        say: shows a message about the cluster or the jobs to the person who starts the server.

    Raises:
        DistnetError: it cannot start, or has lost the lead.
    """
    settings = _fitting(settings, _raise_open_files())
    with ExitStack() as resources:
        listener = resources.enter_context(bind(settings.listen, port))
        address = address_of(settings.listen, listener.getsockname()[1])
        settings = replace(settings, address=settings.address or address)
        ledger = open_ledger(settings.ledger)
        resources.callback(ledger.close)
        users = Users(ledger)
        _require_token(settings.listen, users)
        _lead(ledger, settings.ledger, is_patient=is_patient)
        _record_start(ledger, settings.address)
        token = users.first_admin(own_name())
        server = Server(ledger, gateway, settings)
        server.open()
        notice = ReachabilityNotice(server.mirror, say)
        http_server = resources.enter_context(_running(server, users, notice))

        def ready() -> None:
            on_start(Started(address, ledger, users, token, _num_live(server)))
            notice.enable()

        http_server.run_on(listener, ready)
        say(_end_message(_num_live(server)))


def own_name() -> str:
    """The name of the user who runs this process, as a valid name of a distnet user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "admin"


@contextmanager
def _running(server: Server, users: Users, notice: ReachabilityNotice) -> Iterator[HttpServer]:
    """Run everything besides the HTTP server: webhooks, notices, event feed, loop."""
    ledger, settings = server.ledger, server.settings
    addresses = read_addresses(settings.notices) if settings.notices else ()
    app = make_app(server, Authenticator(users), settings)
    readers = [app.state.metrics.count_event]
    with ExitStack() as running:
        if settings.webhooks is not None:
            webhooks = WebhookSender(settings.webhooks, lambda name: server.details(name).job)
            webhooks.start()
            running.callback(webhooks.close)
            readers.append(webhooks.read)
        if addresses:
            notices = NoticeSender(addresses, lambda name: server.details(name).job)
            notices.start()
            running.callback(notices.close)
            readers.append(notices.read)
        feed = Feed(ledger, readers)
        feed.start()
        running.callback(feed.close)

        def iterated(seconds: float) -> None:
            app.state.metrics.count_iteration(seconds)
            notice.check()

        ticker = Ticker(server, iterated=iterated)
        ticker.start()
        running.callback(server.release_nodes)
        running.callback(ticker.close)
        running.enter_context(rare_full_collections())
        yield HttpServer(app, ledger)


def _num_live(server: Server) -> int:
    """Jobs with an attempt on the cluster, as far as is known."""
    with server.mirror.lock:
        return sum(job.state.is_live for job in server.mirror.jobs.values())


def _end_message(num_live: int) -> str:
    if num_live == 0:
        return "the server has ended; no job was running"
    jobs, them = (
        ("1 job continues", "it") if num_live == 1 else (f"{num_live} jobs continue", "them")
    )
    return f"the server has ended; {jobs} to train, and the next start of the server adopts {them}"


def _require_token(host: str, users: Users) -> None:
    if not is_routable(host):
        return
    if not users.has_token():
        raise DistnetError(
            f"--listen {host}: other machines could reach this server, and no user has a token "
            "yet; create the first one with the same --ledger, then start the server again: "
            "distnet server token"
        )
    logger.warning(
        "other machines can reach this server, and tokens are sent in plain text: listen only on a "
        "trusted network, or behind a proxy with https"
    )


def _raise_open_files() -> float:
    """Raise the limit of open files: each attempt, page and client has a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        soft = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return math.inf if soft == resource.RLIM_INFINITY else soft


def _fitting(settings: Settings, open_files: float) -> Settings:
    """Have no more connections, and a quarter as many that wait, than there may be open files."""
    wanted = settings.limits.connections
    if wanted + wanted // 4 + OTHER_FILES <= open_files:
        return settings
    most = max((int(open_files) - OTHER_FILES) * 4 // 5, 4)
    logger.warning(
        "this process may open %d files: limits.connections is %d, not %d; raise it with ulimit -n",
        int(open_files), most, wanted,
    )  # fmt: skip
    return replace(settings, limits=replace(settings.limits, connections=most))


def _lead(ledger: Ledger, url: str, *, is_patient: bool) -> None:
    if ledger.lead():
        return
    taken = f"another server uses the ledger {url}: {_leader(ledger)}"
    if not is_patient:
        raise DistnetError(f"{taken}; use that one, end it, or wait until it ends: --wait")
    logger.warning("%s; waiting until it ends", taken)
    while not _leads(ledger):
        time.sleep(LEAD_RETRY_S)


def _leads(ledger: Ledger) -> bool:
    try:
        return ledger.lead()
    except UnavailableError as error:
        logger.warning("%s", error)
        return False


def _leader(ledger: Ledger) -> str:
    with ledger.reading() as tx:
        event = events.newest(tx, STARTED)
    return event.text if event else "one that has just started"


def _record_start(ledger: Ledger, address: str) -> None:
    text = f"process {os.getpid()} on {socket.gethostname()}, {address}"
    with ledger.transaction() as tx:
        events.append_events(tx, [EventRecord(0, time.time(), STARTED, None, "server", text)])
