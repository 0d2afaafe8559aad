"""A call to the relay, as the parts of a worker use it."""

from typing import Any, Protocol


class Call(Protocol):
    """Calls a method of a part of the relay: `call("records", "write", rank, changes)`."""

    def __call__(self, part: str, method: str, *arguments: Any) -> Any:
        """Return what the method returns.

        Raises:
            WorkerFailedError: the relay does not respond.
            Exception: what the method raises.
        """
        ...
