"""Which datasets make way for a new one: the least recently used, never one that a job needs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from distnet.protocol.errors import NoStorageError
from distnet.server.datasets.stored import Stored
from distnet.spec.amounts import shown_bytes

NAMED = 3


@dataclass(frozen=True, slots=True)
class Space:
    """What there is, in bytes."""

    most_bytes: int
    """The limit for all datasets together."""
    free_bytes: int
    """Of the disk, without what is kept in reserve."""

    def fits(self, wanted: Stored, kept: Sequence[Stored], present: Sequence[Stored]) -> bool:
        """Whether a dataset fits beside `kept`, if the others that are present are removed."""
        needed = num_bytes([*kept, wanted]) - num_bytes(kept)
        freed = num_bytes(present) - num_bytes(kept)
        is_within = num_bytes([*kept, wanted]) <= self.most_bytes
        return is_within and needed <= self.free_bytes + freed


def num_bytes(datasets: Iterable[Stored]) -> int:
    """Bytes of datasets and manifests together; what several of them have counts once."""
    sizes: dict[str, int] = {}
    for dataset in datasets:
        for sha256, size in (*dataset.shards.items(), (dataset.sha256, dataset.manifest_bytes)):
            sizes[sha256] = max(size, sizes.get(sha256, 0))
    return sum(sizes.values())


def victims(
    wanted: Stored, present: Sequence[Stored], removable: Sequence[Stored], space: Space
) -> list[Stored] | None:
    """Choose what is removed for a new dataset; None if it does not fit in any case.

    Args:
        wanted: the new one.
        present: all that the store has, with what has arrived of uploads.
        removable: those of them that may be removed, in the order in which they are.
        space: what there is.
    """
    kept, chosen = list(present), []
    left = list(removable)
    while not space.fits(wanted, kept, present):
        if not left:
            return None
        chosen.append(left.pop(0))
        kept = [stored for stored in kept if stored.sha256 != chosen[-1].sha256]
    return chosen


def no_space(wanted: Stored, kept: Sequence[Stored], space: Space) -> NoStorageError:
    """Make the error for a dataset that does not fit beside those that cannot be removed."""
    is_bound = num_bytes([*kept, wanted]) > space.most_bytes
    limit = shown_bytes(space.most_bytes if is_bound else max(0, space.free_bytes))
    what = f"limits.datasets is {limit}" if is_bound else f"{limit} are free on the server's disk"
    largest = sorted(kept, key=lambda stored: -stored.num_bytes)[:NAMED]
    named = ", ".join(f"{s.name} ({shown_bytes(s.num_bytes)})" for s in largest)
    rest = f", and those of open jobs, of the last hour and in upload are kept, such as {named}"
    return NoStorageError(
        f"no space for {shown_bytes(wanted.num_bytes)} of the dataset {wanted.name}: {what}"
        f"{rest if named else ''}; remove some (distnet data stored, distnet data remove), have an "
        "admin raise the limit, or put the dataset into a folder that all nodes see, and name it "
        "by its absolute path"
    )
