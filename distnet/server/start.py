"""Start the server: port, ledger, lead, first user, HTTP; and end it so that nobody notices.

Killed at any point it leaves nothing behind that the next start would have to mend.
"""

import getpass
import logging
import os
import re
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from distnet.errors import DistnetError
from distnet.protocol.errors import UnavailableError
from distnet.server.gateway.gateway import Gateway
from distnet.server.gateway.reachability import Reach
from distnet.server.http.app import make_app
from distnet.server.http.listen import address_of, bind, is_routable
from distnet.server.http.uvicorn_server import Serving
from distnet.server.ledger import Ledger, events, open_ledger
from distnet.server.ledger.records import EventRecord
from distnet.server.loop.garbage import seldom_collected
from distnet.server.loop.ticker import Ticker
from distnet.server.observers.feed import Feed
from distnet.server.observers.webhooks import Announcer
from distnet.server.server import Server
from distnet.server.settings import Settings
from distnet.server.users.authenticator import Authenticator
from distnet.server.users.users import Users

STARTED = "server-started"
LOOK_AGAIN_S = 1.0
OPEN_FILES = 16_384

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """A server that answers."""

    address: str
    """At which this machine reaches it."""
    ledger: Ledger
    people: Users
    token: str | None
    """Of the first admin, if there was nobody before."""
    num_adopted: int = 0
    """Jobs that have gone on without a server, and are in its care again."""


def serve(
    settings: Settings,
    gateway: Gateway,
    *,
    port: int,
    is_patient: bool = False,
    told: Callable[[Started], None],
    say: Callable[[str], None] = logger.warning,
) -> None:
    """Be the server until a signal, or the loss of the lead, ends it.

    Args:
        settings: an empty `address` is found out.
        gateway: the cluster.
        port: to listen on; 0 takes any that is free.
        is_patient: whether to wait while another process leads the ledger.
        told: called once the server answers.
        say: tells a person what becomes of the cluster and of the jobs.

    Raises:
        DistnetError: it cannot start, or has lost the lead.
    """
    _allow_connections()
    with ExitStack() as open_things:
        listener = open_things.enter_context(bind(settings.listen, port))
        address = address_of(settings.listen, listener.getsockname()[1])
        settings = replace(settings, address=settings.address or address)
        ledger = open_ledger(settings.ledger)
        open_things.callback(ledger.close)
        people = Users(ledger)
        _require_token(settings.listen, people)
        _lead(ledger, settings.ledger, is_patient=is_patient)
        _note_start(ledger, settings.address)
        token = people.first_admin(own_name())
        server = Server(ledger, gateway, settings)
        server.open()
        started = Started(address, ledger, people, token, _num_live(server))
        reach = Reach(server.mirror, say)
        serving = open_things.enter_context(_running(server, people, reach))

        def ready() -> None:
            told(started)
            reach.begin()

        serving.run_on(listener, ready)
        say(_farewell(_num_live(server)))


def own_name() -> str:
    """The name of the user who runs this process, fitted to the rule for names."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "admin"


@contextmanager
def _running(server: Server, people: Users, reach: Reach) -> Iterator[Serving]:
    """Everything that goes on besides answering requests."""
    ledger, settings = server.ledger, server.settings
    app = make_app(server, Authenticator(people), settings)
    readers = [app.state.metrics.count_event]
    with ExitStack() as running:
        if settings.webhooks is not None:
            announcer = Announcer(settings.webhooks, lambda name: server.details(name).job)
            announcer.start()
            running.callback(announcer.close)
            readers.append(announcer.read)
        feed = Feed(ledger, readers)
        feed.start()
        running.callback(feed.close)

        def made(seconds: float) -> None:
            app.state.metrics.count_round(seconds)
            reach.look()

        ticker = Ticker(server, made=made)
        ticker.start()
        running.callback(ticker.close)
        running.enter_context(seldom_collected())
        yield Serving(app, ledger)


def _num_live(server: Server) -> int:
    """Jobs with an attempt on the cluster, as far as is known."""
    with server.mirror.lock:
        return sum(job.state.is_live for job in server.mirror.jobs.values())


def _farewell(num_live: int) -> str:
    if num_live == 0:
        return "the server has ended; no job was running"
    jobs = "1 job goes" if num_live == 1 else f"{num_live} jobs go"
    return f"the server has ended; {jobs} on training, and the next start adopts what runs"


def _require_token(host: str, people: Users) -> None:
    if not is_routable(host):
        return
    if not people.has_token():
        raise DistnetError(
            f"--listen {host}: other machines could reach this server, and nobody has a token "
            "yet; make the first one, with the same --ledger, then start it again: "
            "distnet server token"
        )
    logger.warning(
        "other machines can reach this server, and tokens travel in plain text: listen only where "
        "nobody else can hear, or behind a proxy that speaks https"
    )


def _allow_connections() -> None:
    """Take as many open files as attempts, pages and clients need: one for each connection."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if few != resource.RLIM_INFINITY and few < OPEN_FILES:
        wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _lead(ledger: Ledger, url: str, *, is_patient: bool) -> None:
    if ledger.lead():
        return
    held = f"the ledger {url} has a server already: {_leader(ledger)}"
    if not is_patient:
        raise DistnetError(f"{held}; use that one, end it, or take its place when it ends: --wait")
    logger.warning("%s; waiting for its end", held)
    while not _leads(ledger):
        time.sleep(LOOK_AGAIN_S)


def _leads(ledger: Ledger) -> bool:
    try:
        return ledger.lead()
    except UnavailableError as error:
        logger.warning("%s", error)
        return False


def _leader(ledger: Ledger) -> str:
    with ledger.reading() as tx:
        event = events.newest(tx, STARTED)
    return event.text if event else "one that has just been started"


def _note_start(ledger: Ledger, address: str) -> None:
    text = f"process {os.getpid()} on {socket.gethostname()}, {address}"
    with ledger.transaction() as tx:
        events.append_events(tx, [EventRecord(0, time.time(), STARTED, None, "server", text)])
