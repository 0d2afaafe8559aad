"""Commands of users for the nodes of their jobs: kept until the attempt has begun to run them.

Nothing of it is durable but the event that says who ran what. A server that restarts in between
forgets the command, and the user, who waits for its output, runs it again.
"""

import shlex
from dataclasses import dataclass, field

from distnet.protocol.attempt import Report
from distnet.protocol.errors import ConflictError, TooManyError
from distnet.protocol.node_commands import ExecResponse, NodeCommand
from distnet.server.jobs.commands import own_job
from distnet.server.ledger.records import User
from distnet.server.state.change import Change
from distnet.server.state.mirror import Mirror

MOST_WAITING = 8
"""Commands of one job that its attempt has not begun to run."""
MOST_SHOWN = 200
"""Characters of a command in its event."""


@dataclass
class NodeCommands:
    """The commands that wait, by the submission of the attempt that has to run them."""

    _waiting: dict[str, dict[str, NodeCommand]] = field(default_factory=dict)

    def add(
        self, mirror: Mirror, user: User, name: str, command: NodeCommand, now: float
    ) -> ExecResponse:
        """Take a command for the nodes of a running job.

        Raises:
            NotFoundError: there is no such job.
            ForbiddenError: `not_yours`.
            ConflictError: `wrong_state`: the job has no workers now.
            TooManyError: `too_many_commands`.
        """
        job, attempt = own_job(mirror, user, name), mirror.attempts.get(name)
        if attempt is None:
            raise ConflictError(
                f"{name} is {job.state}, expected running: it has no workers now",
                code="wrong_state",
            )
        waiting = self._waiting.get(attempt.submission, {})
        if len(waiting) >= MOST_WAITING:
            raise TooManyError(
                f"{name}: found {len(waiting)} commands that wait for its attempt, expected fewer; "
                "wait for their output",
                code="too_many_commands",
            )
        program = shlex.join(command.argv)[:MOST_SHOWN]
        what = f"runs {program} in" if program else "reads the stacks of"
        change = Change(now)
        change.event("exec", user.name, f"{user.name} {what} {name}", name)
        mirror.commit(change)
        live = {attempt.submission for attempt in mirror.attempts.values()}
        self._waiting = {one: kept for one, kept in self._waiting.items() if one in live}
        self._waiting.setdefault(attempt.submission, {})[command.stream] = command
        return ExecResponse(stream=command.stream)

    def for_attempt(self, submission: str, report: Report) -> tuple[NodeCommand, ...]:
        """What an attempt still has to begin; the output in its report says what it has begun."""
        waiting = self._waiting.get(submission, {})
        for piece in report.pieces:
            waiting.pop(piece.stream, None)
        return tuple(waiting.values())
