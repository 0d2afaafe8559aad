"""Calls from a worker to the relay, which never wait for ever."""

from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from distnet.errors import WorkerFailedError

LIMIT_S = 60.0
"""A worker whose relay does not respond for this long is cut off, and ends."""
DISK_LIMIT_S = 600.0
"""The same while the relay may wait for the disk under a checkpoint."""


class Connection:
    """Calls the relay through Ray.

    Args:
        relay: the handle of the actor.
    """

    def __init__(self, relay: Any) -> None:
        self._relay = relay

    def __call__(self, part: str, method: str, *arguments: Any) -> Any:
        """Return what the method returns.

        Raises:
            WorkerFailedError: the relay does not respond, or is gone.
            Exception: what the method raises.
        """
        limit_s = DISK_LIMIT_S if part == "checkpoints" else LIMIT_S
        try:
            return ray.get(getattr(self._relay, part).remote(method, *arguments), timeout=limit_s)
        except RayTaskError as error:
            raise error.cause from None
        except GetTimeoutError:
            reason = f"did not respond for {limit_s:.0f} s"
        except RayError as error:
            reason = f"is gone ({type(error).__name__})"
        raise WorkerFailedError(
            f"lost the run folder: the relay on the launcher's node {reason}; check the network "
            "between the nodes"
        )
