"""Environments of packages, by content, in a folder of this machine.

    <cache>/<hash>/                the packages of one list, beside those of this Python
    <cache>/<hash>.lock            held shared by all that use it, alone by what installs or removes
    <cache>/<hash of versions>     a link to it: the list with the versions that pip chose

Nothing in an environment changes once it is complete. Those not used for longest are removed.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import IO

from distnet.errors import PackageError
from distnet.spec.packages.pinned import base_folders, pinned, refuse_other_versions
from distnet.spec.packages.pip import pip_install
from distnet.spec.packages.requirements import Requirements, requirements_of_lines

COMPLETE = "complete.json"
MOST_KEPT = 20
DIGITS = 16
Say = Callable[[str], None]


@dataclass(frozen=True)
class Overlay:
    """Packages that are installed beside those of this Python."""

    site: Path
    """The folder to import them from."""
    lines: tuple[str, ...]
    """The list with the versions that pip chose: it gives the same packages anywhere."""
    hold: IO[bytes]
    """Keeps the folder from being removed while it is open."""


def open_overlay(wanted: Requirements, folder: Path, *, say: Say) -> Overlay:
    """Find the environment of these packages, or install it.

    Args:
        wanted: the packages.
        folder: what relative paths in their options are relative to.
        say: called with what is installed, before that begins.

    Raises:
        PackageError: they cannot be installed; the message has pip's last lines.
        PackageIndexError: the index of packages cannot be reached.
    """
    refuse_other_versions(wanted)
    cache = _cache()
    while True:
        target = _followed(cache / _key(wanted, folder))
        hold = (cache / f"{target.name}.lock").open("ab")
        fcntl.flock(hold, fcntl.LOCK_SH)
        if (lines := _complete(target)) is not None:
            os.utime(target)
            return Overlay(_site(target), lines, hold)
        fcntl.flock(hold, fcntl.LOCK_EX)
        if _complete(target) is None:
            say(f"installing packages: {', '.join(wanted.packages)}")
            locked = _install(wanted, folder, target)
            _link(target, cache / _key(requirements_of_lines(locked), folder))
            remove_oldest(cache)
        hold.close()


def cache_folder() -> Path:
    """Where environments are: below XDG_CACHE_HOME, or ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home).absolute() / "distnet" / "packages"


def _cache() -> Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.stat(folder)
        if os.access(folder, os.W_OK):
            return folder
        reason = "permission denied"
    except OSError as error:
        reason = error.strerror or str(error)
    raise PackageError(
        f"packages: cannot write {folder}, where packages are installed: {reason}; set "
        "XDG_CACHE_HOME to a folder that this user may write"
    )


def _key(wanted: Requirements, folder: Path) -> str:
    python = [sys.version, sysconfig.get_platform(), *base_folders()]
    facts = [wanted.lines, wanted.found_beside(folder), python, dict(pinned())]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:DIGITS]


def _followed(target: Path) -> Path:
    """The folder itself, where there is a link to one: locks are those of folders."""
    is_link = target.is_symlink() and target.exists()
    return target.with_name(os.readlink(target)) if is_link else target


def _complete(target: Path) -> tuple[str, ...] | None:
    try:
        return tuple(json.loads((target / COMPLETE).read_bytes()))
    except (OSError, ValueError):
        return None


def _install(wanted: Requirements, folder: Path, target: Path) -> tuple[str, ...]:
    """Install into a new folder, and name it when it is complete; returns the locked lines."""
    with _draft(target) as draft:
        venv.EnvBuilder(symlinks=True, with_pip=False).create(draft)
        base = "".join(f"{each}\n" for each in base_folders() if os.path.isdir(each))
        (_site(draft) / "distnet-base.pth").write_text(base)
        python = draft / "bin" / "python"
        pip_install(python, wanted.resolved(folder), pinned(), draft)
        found = distributions(path=[str(_site(draft))])
        locked = (*wanted.options, *sorted(map(_locked, found)))
        (draft / COMPLETE).write_text(json.dumps(locked))
        draft.rename(target)
        return locked


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    if target.is_symlink():  # to what was removed
        target.unlink()
    shutil.rmtree(target, ignore_errors=True)  # damaged
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _site(target: Path) -> Path:
    """The folder of the packages in an environment."""
    base = {"base": str(target), "platbase": str(target)}
    return Path(sysconfig.get_path("purelib", "venv", base))


def _locked(package: Distribution) -> str:
    """A package with its version, or with the address and the commit that it was made from."""
    written = package.read_text("direct_url.json")
    if written is None:
        return f"{package.name}=={package.version}"
    origin = json.loads(written)
    if (source := origin.get("vcs_info")) is not None:
        return f"{package.name} @ {source['vcs']}+{origin['url']}@{source['commit_id']}"
    return f"{package.name} @ {origin['url']}"


def _link(target: Path, link: Path) -> None:
    """Let the list of chosen versions lead to the same folder, unless it has one."""
    if link.name != target.name:
        with suppress(FileExistsError):
            link.symlink_to(target.name)


def remove_oldest(cache: Path, *, most: int = MOST_KEPT) -> None:
    """Remove the environments that were not used for longest, unless something uses them.

    Args:
        cache: the folder of environments.
        most: how many are kept.
    """
    kept = [path for path in cache.iterdir() if path.is_dir() and not path.is_symlink()]
    kept = [path for path in kept if not path.name.startswith(".")]
    oldest = sorted(kept, key=lambda path: path.stat().st_mtime)[:-most]
    for path in oldest:
        with (cache / f"{path.name}.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            shutil.rmtree(path, ignore_errors=True)
    for path in cache.iterdir():
        if path.is_symlink() and not path.exists():
            path.unlink(missing_ok=True)
