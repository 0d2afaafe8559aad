"""Find a dataset by its content, which `data.source: sha256:...` names.

    runs/.datasets/<sha256 of the manifest>/   the datasets that a server keeps

DISTNET_DATASETS names folders of datasets, as PATH does for programs. Then comes what a server has
beside the run folders, searched for above the folder of the job file; then the cache of this node.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from distnet.data.cache.cache import own_cache
from distnet.data.manifest import MANIFEST, read_manifest
from distnet.errors import DataError
from distnet.spec.content import source_of

DATASETS = ".datasets"
VARIABLE = "DISTNET_DATASETS"


def find_by_content(sha256: str, *, folder: Path) -> Path:
    """Find the folder of the dataset whose manifest has this sha256.

    Args:
        sha256: of the manifest.
        folder: of the job file.

    Raises:
        DataError: there is none here.
    """
    for store in _stores(folder):
        path = store / sha256
        if (path / MANIFEST).is_file() and read_manifest(path).sha256 == sha256:
            return path
    raise DataError(
        f"dataset {source_of(sha256)} not found on this machine; if a folder of yours has it, name "
        f"that in data.source, or let {VARIABLE} name the folder that has {sha256[:12]}..."
    )


def _stores(folder: Path) -> Iterator[Path]:
    yield from map(Path, filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))
    above = Path(os.path.abspath(folder))
    yield from (parent / DATASETS for parent in (above, *above.parents))
    yield own_cache().folder
