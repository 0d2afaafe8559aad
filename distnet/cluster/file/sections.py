"""Sections of a cluster file that all providers share."""

from typing import Literal

from distnet.cluster.file.words import Listen, Port
from distnet.spec.sections.section import Name, NonNegativeFloat, Section
from distnet.spec.sections.units import Bandwidth, Latency

Install = Literal["checkout", "index", "none"]
SERVER_PORT = 8270
"""The port of `distnet server start`."""


class Ports(Section):
    """The ports of Ray on the head."""

    ray: Port = 6379
    """Where the other nodes join (Ray's GCS)."""
    dashboard: Port = 8265
    """Ray's dashboard and job API, which the distnet server uses. Only the head reaches it."""


class ServerPort(Section):
    """What can be set of a server on a node that is made."""

    port: Port = SERVER_PORT
    """The port of its API and page."""


class Server(ServerPort):
    """The distnet server, which runs on the head."""

    listen: Listen | None = None
    """The address on which it listens. Default: that of the head, so that the other hosts reach
    it; with `provider: local` 127.0.0.1."""


class Link(Section):
    """The network between the nodes, as `distnet forecast` is to compute with it."""

    bandwidth: Bandwidth
    """What one node sends, and receives at the same time, such as 10Gbit."""
    latency: Latency
    """The time of a small message, one way, such as 50us: half of what ping shows."""


class Cluster(Section):
    """What every cluster file has."""

    name: Name
    """Lower-case letters, digits and dashes; also the context that `distnet submit` uses."""
    auth: Literal["token", "none"] = "token"
    """`token`: Ray and the server want a token, which distnet makes and keeps in a file of mode
    0600. `none`: only with `provider: local`, where everything listens on loopback."""
    link: Link | None = None
    """The network between the nodes, for `distnet forecast`."""
    price: NonNegativeFloat | None = None
    """The price of a node for an hour, in your currency, for `distnet forecast`."""
