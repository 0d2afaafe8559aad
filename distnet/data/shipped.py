"""Where a dataset is found: inside the package, or in a user's folder."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from distnet.data.cache.by_content import find_by_content
from distnet.data.catalogue.names import fetch_command, shown
from distnet.data.manifest import MANIFEST
from distnet.errors import DataError
from distnet.spec.content import content_of
from distnet.spec.parts import shipped_datasets
from distnet.spec.printable import argument

_PACKAGE = Path(__file__).parent


def find_dataset(source: str, *, folder: Path) -> Path:
    """Find the folder of the dataset `source`.

    Args:
        source: the name of a shipped dataset, `sha256:` and the hash of a manifest, or a path; a
            folder that has such a name is written `./mnist`.
        folder: relative paths start here: the folder of the job file.

    Raises:
        DataError: there is no such dataset.
    """
    if source in shipped_datasets():
        return _PACKAGE / source
    sha256 = content_of(source)
    if sha256 is not None:
        return find_by_content(sha256, folder=folder)
    path = folder / Path(source).expanduser()
    if (path / MANIFEST).is_file():
        return path
    if path.exists():
        raise DataError(
            f"{path}: exists, but is not a dataset ({MANIFEST} is missing); "
            f"create one from raw files with: distnet data import {argument(path)} OUT"
        )
    command = fetch_command(path)
    if command is not None:
        raise DataError(f"{shown(path)} is missing: {command}")
    shipped = ", ".join(shipped_datasets())
    known = [*shipped_datasets(), *_names_in(path.parent)]
    nearest = get_close_matches(path.name, known, 1)
    raise DataError(
        f"dataset {source!r} not found: none of that name ships with distnet ({shipped}), "
        f"and there is no folder {path}" + (f"; did you mean {nearest[0]!r}?" if nearest else "")
    )


def _names_in(folder: Path) -> Iterator[str]:
    for manifest in folder.glob(f"*/{MANIFEST}"):
        yield manifest.parent.name
