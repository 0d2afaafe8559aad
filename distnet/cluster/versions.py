"""The versions that all nodes get: those of the machine on which distnet is called."""

from importlib.metadata import PackageNotFoundError, version

from distnet.errors import DistnetError


def version_of(package: str) -> str:
    """The installed version of a package, without the part that names a build, such as +cpu.

    Raises:
        DistnetError: it is not installed here.
    """
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        raise DistnetError(
            f"found no installed {package}, expected one, so that the nodes get the same version; "
            "install distnet: pip install --editable ."
        ) from None
