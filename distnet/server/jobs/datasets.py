"""Datasets that jobs name by their content must be on the server."""

from collections.abc import Iterable

from distnet.protocol.errors import InvalidError
from distnet.server.state.mirror import Mirror


def require_datasets(
    mirror: Mirror, datasets: Iterable[str | None], what: str = "data.source"
) -> None:
    """Refuse datasets that the server does not have.

    Args:
        mirror: locked by the caller, so that nothing is removed before the jobs are open.
        datasets: the sha256 of each; None for one that is not named by its content.
        what: the key or the job that names it, for the message.

    Raises:
        InvalidError: `unknown_dataset`.
    """
    for sha256 in datasets:
        if sha256 is not None and sha256 not in mirror.datasets:
            raise InvalidError(
                f"{what}: the server has no dataset sha256:{sha256}; upload it first: distnet data "
                "push FOLDER",
                code="unknown_dataset",
            )
