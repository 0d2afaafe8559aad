"""The versions that no job may change: with others, the same job could give other bits.

A process that uses distnet has imported these packages already, so no other version of them could
take effect in it.
"""

import site
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import Distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from distnet.errors import PackageError
from distnet.spec.packages.requirements import Requirements

ROOT = "distnet"


def base_folders() -> list[str]:
    """The folders of the packages that were installed for this Python, first ones first."""
    user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return [*user, *site.getsitepackages()]


@cache
def pinned() -> Mapping[str, str]:
    """By name, the installed versions of distnet and of all that it stands on.

    Where distnet is a mere copy of its files, those of everything that is installed.
    """
    installed: dict[str, Distribution] = {}
    for each in distributions(path=base_folders()):
        installed.setdefault(canonicalize_name(each.name), each)
    names = _below(ROOT, installed) if ROOT in installed else set(installed)
    return {name: installed[name].version for name in sorted(names)}


def refuse_other_versions(requirements: Requirements) -> None:
    """Refuse packages that would replace what distnet stands on.

    Raises:
        PackageError: some would; all of them are named.
    """
    versions, wrong = pinned(), []
    for text in requirements.packages:
        wanted = Requirement(text)
        version = versions.get(canonicalize_name(wanted.name))
        if version is None or (wanted.marker is not None and not wanted.marker.evaluate()):
            continue
        if wanted.url or not wanted.specifier.contains(version, prereleases=True):
            wrong.append(f"found {text}, expected {wanted.name}=={version}")
    if wrong:
        raise PackageError(
            f"packages: {'; '.join(wrong)}, as installed here. distnet stands on it, and another "
            "version could give other bits: `packages` adds to what nodes have. Leave it out, or "
            "install that version on all nodes"
        )


def _below(root: str, installed: Mapping[str, Distribution]) -> set[str]:
    """A package and all that it requires, directly or through others."""
    waiting, reached = [(root, "")], set[tuple[str, str]]()
    while waiting:
        name, extra = one = waiting.pop()
        if one not in reached and name in installed:
            reached.add(one)
            waiting += _required(installed[name], extra)
    return {name for name, _ in reached}


def _required(package: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """What a package requires, once as it is and once with each extra."""
    for text in package.requires or ():
        required = Requirement(text)
        if required.marker is None or required.marker.evaluate({"extra": extra}):
            name = canonicalize_name(required.name)
            yield from ((name, each) for each in ("", *required.extras))
