"""The downloads of a data set, one after the other, into the folder where they wait."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from distnet.data.catalogue.origin import Download, Origin
from distnet.data.download.http import PAUSES_S, download, new_client
from distnet.data.download.part import Part
from distnet.data.download.verify import RefusedError, sha256_of
from distnet.errors import DataError

OnProgress = Callable[[int, int | None], None]
"""Takes the bytes that have arrived, and of how many where that is known."""


@dataclass(frozen=True)
class Arrivals:
    """A folder for downloads, and who is to hear of them."""

    folder: Path
    on_progress: OnProgress = lambda done, total: None
    pauses_s: tuple[float, ...] = PAUSES_S

    def bring(self, origin: Origin) -> list[Path]:
        """Download what is not here yet; returns the files.

        Raises:
            RefusedError: a file has another sha256 than expected; it is kept aside.
            DataError: a file cannot be had.
            OSError: the disk is full or cannot be written.
        """
        if origin.is_local:
            return [_copied(wanted, self.folder) for wanted in origin.downloads]
        files, done = [], 0
        with new_client() as client:
            for wanted in origin.downloads:
                files.append(self._bring(client, wanted, done, origin.num_bytes))
                done += files[-1].stat().st_size
                self.on_progress(done, origin.num_bytes or done)
        return files

    def set_aside(self, files: list[Path]) -> str:
        """Keep files that are not used, where no later download finds them; says where."""
        name = self.folder.name.removeprefix(".").removesuffix(".partial")
        refused = self.folder.with_name(f"{name}.refused")
        refused.mkdir(exist_ok=True)
        for file in files:
            file.replace(refused / file.name)
        return f"what has arrived is kept in {refused} and not used"

    def _bring(
        self, client: httpx.Client, wanted: Download, before: int, total: int | None
    ) -> Path:
        file = self.folder / wanted.name
        if not file.exists():
            download(
                client,
                wanted.address,
                Part(file),
                most_bytes=wanted.most_bytes,
                on_bytes=lambda here, size: self.on_progress(before + here, total or size),
                pauses_s=self.pauses_s,
            )
        self._require_right(wanted, file)
        return file

    def _require_right(self, wanted: Download, file: Path) -> None:
        if wanted.sha256 is None:
            return
        found = sha256_of(file)
        if found != wanted.sha256:
            wrong = f"found sha256 {found}, expected {wanted.sha256}"
            raise RefusedError(f"{wanted.address}: {wrong}; {self.set_aside([file])}")


def _copied(wanted: Download, folder: Path) -> Path:
    """Copy the file of a mirror that is a folder."""
    source, target = Path(wanted.address).expanduser(), folder / wanted.name
    if not source.is_file():
        raise DataError(
            f"{wanted.address}: found no such file, expected it in the folder of the mirror; a "
            "mirror is a folder, or an address that begins with http:// or https://"
        )
    shutil.copyfile(source, target)
    return target
