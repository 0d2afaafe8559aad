"""A cluster that a job is submitted to: brought up first if its server does not respond."""

from pathlib import Path
from shlex import join, quote

from distnet.cli.lazy import imported
from distnet.cli.output import say
from distnet.client import contexts
from distnet.client.client import Client
from distnet.client.target import find_target
from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import ClusterFile, load_cluster
from distnet.cluster.made.maker import Made, folder_of, maker_of
from distnet.errors import DistnetError
from distnet.protocol.errors import UnavailableError


def ready(path: Path, *, is_quiet: bool) -> str:
    """Return the context of a cluster whose server responds.

    A cluster of machines that exist is brought up if it is not. Machines of a cloud cost money, so
    they are only ever made by a command that does nothing else. A host that fails does not keep the
    job from the others.

    Args:
        path: the cluster file.
        is_quiet: whether no progress is shown.

    Raises:
        DistnetError: the file has faults, or the head does not come up.
    """
    file = load_cluster(path)
    if _responds(file.name):
        return file.name
    if not isinstance(file.cluster, Local | Ssh):
        raise _not_made(file, file.cluster)
    say(f"cluster {file.name} is not up; bringing it up")
    is_first = contexts.load().current is None
    bring_up = imported("cluster.up:bring_up")
    up = bring_up(file, file.cluster, make_current=is_first, is_examined=False, is_quiet=is_quiet)
    errors = [outcome.error for outcome in up.done.hosts.values() if outcome.error is not None]
    if up.address is None:
        raise DistnetError("\n".join([f"cluster {file.name} is not up:", *map(str, errors)]))
    for error in errors:
        say(str(error))
    return file.name


def _responds(name: str) -> bool:
    """Whether there is a context of this name, and its server responds.

    Raises:
        ServerError: it responds, and does not know the user.
    """
    if name not in contexts.load().contexts:
        return False
    try:
        Client(find_target(None, name), patience_s=0.0).whoami()
    except UnavailableError:
        return False
    return True


def _not_made(file: ClusterFile, cluster: Made) -> DistnetError:
    is_known = file.name in contexts.load().contexts
    found = "does not respond" if is_known else "is unknown here: no context has its name"
    where = f"distnet cluster up {quote(str(file.path))}"
    folder = folder_of(file.name)
    remedy = f"submit does not make its machines; make them with: {where}"
    if is_known and folder.is_dir():
        tunnel = join(maker_of(file, cluster, folder).tunnel)
        remedy = f"keep the way to it open in a terminal: {tunnel}; or repair it with: {where}"
    return DistnetError(f"--cluster {file.path}: the server of {file.name} {found}; {remedy}")
