"""A job of a server whose run is used here: where it is, and whether its code may run here."""

import re
from dataclasses import dataclass
from pathlib import Path

from distnet.client.client import Client, Json
from distnet.client.download import Progress
from distnet.client.run_copy import Files, RunCopy, seen_here
from distnet.errors import RunError
from distnet.protocol.errors import NotFoundError
from distnet.run_folder.paths import RunFolder, shown
from distnet.spec.sections.section import NAME, NAMED


@dataclass(frozen=True)
class ServerJob:
    """A job of a server, and who asks for it."""

    client: Client
    details: Json
    """Its JobDetails."""
    user: str
    server_id: str

    @classmethod
    def find(cls, client: Client, name: str) -> "ServerJob":
        """Find a job by its name.

        Raises:
            NotFoundError: there is none.
            RunError: it is no name of a job, or that of a sweep.
            ServerError: the server refuses it, or does not respond.
        """
        if re.fullmatch(NAME, name) is None:
            raise RunError(f"{name}: expected the name of a job: {NAMED}")
        try:
            details = client.details(name)
        except NotFoundError as error:
            raise _sweep_error(client, name) or error from None
        if details["job"]["name"] != name:  # it becomes the name of a folder here
            raise RunError(f"{client.target.server}: found another job than {name}")
        who = client.whoami()
        return cls(client, details, str(who["user"]), str(who["server"]))

    @property
    def name(self) -> str:
        """The name of the job."""
        return str(self.details["job"]["name"])

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"{self.client.target.server}/#/jobs/{self.name}"

    def copy(self, runs: Path, progress: Progress = lambda _done, _all: None) -> RunCopy:
        """Its copy in a folder of runs; nothing is copied yet."""
        folder, client = RunFolder(runs / self.name), self.client.patient()
        return RunCopy(client, self.details["job"], self.server_id, folder, progress)

    def seen_here(self, files: Files) -> RunFolder | None:
        """Its run folder, if this machine sees it."""
        found = seen_here(self.details, files)
        return found and RunFolder(shown(found.path))

    def require_own(self) -> None:
        """Refuse to run the code that a job of another user brings, unless it was fetched before.

        Raises:
            RunError: the job is another user's.
        """
        owner = self.details["job"]["owner"]
        if owner != self.user:
            raise RunError(
                f"{self.name}: this job of {owner} brings code of its own, which would run here; "
                f"look at it first: distnet fetch {self.name}, then call this again"
            )


def _sweep_error(client: Client, name: str) -> RunError | None:
    """Point out that a name is that of a sweep; None if it is not."""
    try:
        best = client.sweep(name)["best"]
    except NotFoundError:
        return None
    which = f"its best job so far is {best}: give that name" if best else "no job has a result yet"
    return RunError(f"{name}: found a sweep, expected a job; {which}; see: distnet sweep {name}")
