"""The format of a run folder, and the version of distnet that wrote it.

1  no number in `environment.json`; evaluation.json has the keys of classification
2  any task: declared metrics, figures by kind, a position in checkpoints for any feed
"""

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object

RUN_FORMAT = 2
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


def require_known_format(folder: RunFolder) -> None:
    """Refuse a run folder that a newer version wrote.

    Raises:
        RunError: a newer version wrote it.
    """
    if read_format(folder) > RUN_FORMAT:
        raise RunError(
            f"{folder.path}: found a run of {written_by(folder)}, expected run format "
            f"{RUN_FORMAT} or older; use that version, or a newer one"
        )
