"""Run one attempt: the server has Ray start `python -m distnet.agent`.

`DISTNET_SERVER` and `DISTNET_ATTEMPT_SECRET` name the server and the attempt. Ray keeps the
environment of its jobs in plain text, so the first thing that the agent does is to exchange that
secret for one that stays in its memory. It is valid for reports of this attempt only, and expires
when the attempt ends.
"""

import logging
import os
import sys
from contextlib import suppress

from distnet.agent.connection import (
    AttemptOverError,
    Connection,
    OtherVersionError,
    UnreachableError,
    retry_until_reachable,
)
from distnet.agent.exit_code import ExitCode
from distnet.agent.scratch import scratch_folder
from distnet.errors import DistnetError
from distnet.protocol.attempt import Exit, Report
from distnet.protocol.states import AttemptEnd

SERVER, SECRET = "DISTNET_SERVER", "DISTNET_ATTEMPT_SECRET"

logger = logging.getLogger("distnet.attempt")


def main() -> int:
    """Run the attempt that the environment names; returns the exit code."""
    logging.basicConfig(format="%(message)s")
    missing = [name for name in (SERVER, SECRET) if not os.environ.get(name)]
    if missing:
        logger.error("%s: not set; only a distnet server starts this", " and ".join(missing))
        return ExitCode.UNHEARD
    connection = Connection(os.environ[SERVER], os.environ[SECRET])
    try:
        config = retry_until_reachable(connection.config)
        retry_until_reachable(connection.exchange_secret)
        if config.umask is not None:
            os.umask(config.umask)
        # torch takes seconds to import, which an attempt that is over does not need.
        from distnet.agent.attempt import run_attempt

        with scratch_folder() as scratch:
            return run_attempt(config, connection, scratch)
    except OtherVersionError as error:
        logger.error("%s", error)
        return _fail(connection, str(error))
    except AttemptOverError as error:
        logger.error("the server has ended this attempt: %s", error)
        return ExitCode.OVER
    except UnreachableError as error:
        logger.error("gave up: the server was unreachable for too long: %s", error)
        return ExitCode.UNHEARD


def _fail(connection: Connection, error: str) -> int:
    """Report that this node cannot work for the server; returns the exit code."""
    ended = Exit(end=AttemptEnd.FAILED, error=error, failure=DistnetError.failure)
    with suppress(AttemptOverError, UnreachableError):
        retry_until_reachable(lambda: connection.report(Report(is_training=False, exit=ended)))
    return ExitCode.FAILED


if __name__ == "__main__":
    sys.exit(main())
