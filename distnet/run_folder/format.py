"""The format of a run folder, and the version of distnet that wrote it.

1  no number in `environment.json`; evaluation.json has the keys of classification
2  any task: declared metrics, figures by kind, a position in checkpoints for any feed
"""

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder, shown
from distnet.run_folder.read import read_object

RUN_FORMAT = 2
OLDEST_RESUMABLE = 2
"""Of older formats the weights are read, and the results shown."""
KEY = "run_format"
"""Its key in `environment.json`."""


def read_format(folder: RunFolder) -> int:
    """The format of a run folder.

    Raises:
        RunError: `environment.json` is damaged.
    """
    found = read_object(folder.environment).get(KEY, 1)
    return found if isinstance(found, int) else 1


def written_by(folder: RunFolder) -> str:
    """Say which version wrote a run folder: `distnet 0.1.0 (run format 1)`.

    Raises:
        RunError: `environment.json` is damaged.
    """
    version = read_object(folder.environment).get("distnet") or "of unknown version"
    return f"distnet {version} (run format {read_format(folder)})"


def require_resumable(folder: RunFolder) -> None:
    """Refuse a run folder whose checkpoints this version cannot resume.

    Raises:
        RunError: an older or a newer version wrote it.
    """
    found = read_format(folder)
    if found > RUN_FORMAT:
        raise RunError(
            f"{folder.path}: found a run of {written_by(folder)}, expected run format "
            f"{RUN_FORMAT} or older; resume it with that version, or a newer one"
        )
    if found < OLDEST_RESUMABLE:
        raise RunError(
            f"{folder.path}: found a run of {written_by(folder)}, expected run format "
            f"{OLDEST_RESUMABLE} to resume; resume it with that version, or start a new run from "
            f"its weights: distnet run JOB --start-from {shown(folder.path)}"
        )
