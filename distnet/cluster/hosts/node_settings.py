"""The settings of a node, from the cluster file and what was found on the host."""

from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.file.words import share_of, store_of
from distnet.cluster.host import Host
from distnet.cluster.hosts.environment import Environment
from distnet.cluster.hosts.facts import Facts, Identity
from distnet.cluster.node.settings import DATA, NodeSettings, ServerSettings


def make_settings(
    file: ClusterFile,
    host: Host,
    facts: Facts,
    head: Facts,
    *,
    identity: Identity,
    environment: Environment,
) -> NodeSettings:
    """Make the settings of a node.

    Args:
        file: the cluster file.
        host: the node's host.
        facts: of that host.
        head: the facts of the head.
        identity: of the cluster.
        environment: of that host.
    """
    cluster = file.cluster
    assert isinstance(cluster, Local | Ssh)
    is_head = host == file.head
    listen = cluster.server.listen or head.address
    runs = f"{head.folder}/{DATA}/runs"
    share = share_of(cluster.storage)
    if share is not None:
        runs = f"{share}/{cluster.name}/runs"
    server = ServerSettings(listen, cluster.server.port, runs, store_of(cluster.storage))
    return NodeSettings(
        cluster=cluster.name,
        host=host.name,
        role="head" if is_head else "worker",
        mark=identity.mark(host),
        address=facts.address,
        head=f"{head.address}:{cluster.ports.ray}",
        dashboard_port=cluster.ports.dashboard,
        num_cpus=facts.num_cpus,
        num_gpus=facts.num_gpus,
        labels=dict(host.labels),
        resources=dict(host.resources),
        arguments=cluster.ray,
        sockets=identity.sockets,
        server=server if is_head else None,
        python=environment.python,
        storage=share,
        storage_mark=f".distnet-{identity.id}",
    )
