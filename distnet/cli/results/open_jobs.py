"""Which runs must stay, since jobs of a server that have not ended go on in their folders."""

from functools import cached_property

from distnet.client.client import Client
from distnet.client.follow import has_ended
from distnet.client.target import find_target
from distnet.errors import DistnetError
from distnet.protocol.errors import NotFoundError
from distnet.run_folder.owner import Owner, read_owner
from distnet.spec.printable import argument
from distnet.sweeps.stored import Stored


class OpenJobs:
    """Asks a server about the jobs that train in run folders; those without one it never asks.

    Args:
        server: its address.
        context: the name of a context, instead of an address.
    """

    def __init__(self, server: str | None, context: str | None) -> None:
        self._server, self._context = server, context

    def why_kept(self, one: Stored) -> str | None:
        """Why a run or a sweep must not be removed; None if it may be.

        Raises:
            RunError: the file that names its job is damaged.
        """
        for owner in filter(None, map(read_owner, one.runs)):
            try:
                why = self._why_open(owner)
            except DistnetError as error:
                why = (
                    f"it is not known whether it has ended: {error}. Name its server with --server "
                    f"or --context; if that is gone for good: rm -r {argument(one.path)}"
                )
            if why is not None:
                return f"found the run of {owner.job}, a job of a server; {why}"
        return None

    def _why_open(self, owner: Owner) -> str | None:
        """Why a job is not over; None if it is.

        Raises:
            DistnetError: its server does not say.
        """
        address, server_id = self._client.target.server, self._server_id
        if server_id != owner.server_id:
            raise DistnetError(f"{address} is another server")
        try:
            details = self._client.details(owner.job)
        except NotFoundError:
            return None
        if has_ended(details):
            return None
        state = details["job"]["state"]
        return f"it is {state} on {address} and goes on here; first: distnet cancel {owner.job}"

    @cached_property
    def _client(self) -> Client:
        return Client(find_target(self._server, self._context), patience_s=0.0)

    @cached_property
    def _server_id(self) -> str:
        return str(self._client.whoami()["server"])
