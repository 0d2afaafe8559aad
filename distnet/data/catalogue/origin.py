"""Where the raw files of a data set are downloaded from: its publisher, or a mirror."""

from dataclasses import dataclass

from distnet.data.catalogue.entry import Entry

MARGIN = 2
"""How many times larger a download may be whose size is known only about."""


@dataclass(frozen=True)
class Download:
    """One file to download."""

    address: str
    """Of the web; of a mirror that is a folder of this machine, a path."""
    name: str
    """Its path among the downloads, and, unless it is an archive, among the raw files."""
    most_bytes: int
    sha256: str | None


@dataclass(frozen=True)
class Origin:
    """What to download, and how the raw files are in it."""

    downloads: tuple[Download, ...]
    folder: str | None
    """The raw files are in this folder of an archive; None where they are the downloads."""
    num_bytes: int | None
    """Of all downloads, where that is known."""

    @property
    def is_local(self) -> bool:
        """Whether it is a mirror that is a folder of this machine."""
        return not self.downloads[0].address.startswith(("http://", "https://"))

    @property
    def is_verified(self) -> bool:
        """Whether the sha256 of each download is known."""
        return all(download.sha256 is not None for download in self.downloads)


def origin_of(entry: Entry, mirror: str | None) -> Origin:
    """The origin of a data set: the mirror at an address or in a folder, else the publisher."""
    if mirror is not None:
        most = MARGIN * max(entry.num_bytes, entry.raw_bytes)
        address = f"{mirror.rstrip('/')}/{entry.mirror.file}"
        download = Download(address, entry.mirror.file, most, None)
        return Origin((download,), entry.mirror.folder, None)
    if entry.archive is not None:
        most = entry.num_bytes * (1 if entry.is_exact else MARGIN)
        name = entry.address.rpartition("/")[2]
        download = Download(entry.address, name, most, entry.archive.sha256)
        return Origin((download,), entry.archive.folder, entry.num_bytes)
    downloads = (
        Download(entry.address + path, path, entry.num_bytes, sha256)
        for path, sha256 in entry.files.items()
    )
    return Origin(tuple(downloads), None, entry.num_bytes)
