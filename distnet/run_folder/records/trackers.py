"""What a run folder keeps of each tracker: which run it is there, and what was sent to it."""

from dataclasses import asdict, dataclass

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.write import write_json


@dataclass(frozen=True)
class Tracked:
    """One run of a tracker."""

    id: str = ""
    """The tracker's own name for it; empty before it is known."""
    link: str = ""
    """Where a person sees it."""
    num_bytes: int = 0
    """How much of `metrics.jsonl` was sent."""


def read_tracked(folder: RunFolder, kind: str) -> Tracked:
    """Read what is known of a tracker; nothing before the first attempt has reached it."""
    try:
        values = read_object(folder.tracker(kind))
        return Tracked(str(values["id"]), str(values["link"]), int(values["num_bytes"]))
    except (RunError, KeyError, TypeError, ValueError):
        return Tracked()


def write_tracked(folder: RunFolder, kind: str, tracked: Tracked) -> None:
    """Keep it.

    Raises:
        RunError: the folder cannot be written.
    """
    path = folder.tracker(kind)
    path.parent.mkdir(exist_ok=True)
    write_json(path, asdict(tracked))


def tracked_links(folder: RunFolder) -> dict[str, str]:
    """Where a run can be seen, by tracker."""
    paths = sorted(folder.trackers.glob("*.json"))
    found = {path.stem: read_tracked(folder, path.stem).link for path in paths}
    return {kind: link for kind, link in found.items() if link}
