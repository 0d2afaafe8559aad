"""The folder that all nodes share, if there is one."""

from collections.abc import Iterator

from distnet.cluster.doctor.facts import Examination, Node, Share
from distnet.cluster.doctor.finding import Finding, fault, ok, warning
from distnet.cluster.doctor.registry import on_cluster, on_node
from distnet.cluster.doctor.units import duration, listed
from distnet.spec.plural import counted

SLOW_S = 2.0
COPIES = "runs are on one node, and datasets are copied to the others"
MOUNT = "mount the same folder on every node, or leave `storage` out of the cluster file"


@on_node
def object_store(node: Node) -> Iterator[Finding]:
    """Checkpoints can be stored in the object store of the cluster file."""
    if node.store is None:
        return
    address, error = node.store["address"], node.store["error"]
    if error is None:
        yield ok(f"{address} can be used")
        return
    remedy = "give the node the rights (a role, or keys in its environment), or mend `storage`"
    yield fault(f"{address} cannot be used: {error}", "a store that all nodes can use", remedy)


@on_cluster
def storage(all_of_it: Examination) -> Iterator[Finding]:
    """What one node writes, all others see: whole, soon, and with its locks."""
    shared = all_of_it.storage
    if shared is None:
        return
    if shared.path is None:
        yield ok(f"no folder is shared: {COPIES}")
        return
    wrong = [finding for share in shared.shares for finding in _judged(share, shared.path)]
    if not shared.is_required and any(share.error or share.missing for share in shared.shares):
        yield ok(f"{shared.path} is not shared by all nodes: {COPIES}")
        return
    yield from wrong
    if not wrong and shared.shares:
        seconds = max(share.seconds for share in shared.shares)
        seen = f"seen on {counted(len(shared.shares), 'node')} within {duration(seconds)}"
        yield ok(f"{shared.path}: what one node writes is {seen}; rename and locks work")


def _judged(share: Share, path: str) -> Iterator[Finding]:
    if share.error is not None:
        yield fault(share.error, "a folder that this node may write", MOUNT).at(share.node)
    elif share.missing:
        found = f"{path} does not have what {listed(share.missing)} wrote, after 10 s"
        yield fault(found, "one folder on all nodes", MOUNT).at(share.node)
    else:
        yield from _details(share, path)


def _details(share: Share, path: str) -> Iterator[Finding]:
    if share.seconds > SLOW_S:
        found = f"{path}: files of others appear after {duration(share.seconds)}"
        remedy = "mount it with less caching, such as: -o actimeo=1,lookupcache=positive"
        yield warning(found, f"within {duration(SLOW_S)}", remedy).at(share.node)
    if share.torn:
        found = (
            f"{path}: a file that is replaced was missing or mixed, {counted(share.torn, 'time')}"
        )
        remedy = "take a file system whose rename is atomic, such as NFS; sshfs and FUSE may not"
        yield fault(found, "the old or the new content", remedy).at(share.node)
    if share.is_locked is False:
        found = f"{path}: a lock of another node is not respected"
        remedy = "mount NFS without `nolock` and `local_lock`, and run its lock service"
        yield fault(found, "locks that hold on all nodes", remedy).at(share.node)
