"""Carry out one attempt: what the server has Ray run, as `python -m distnet.agent`.

`DISTNET_SERVER` and `DISTNET_ATTEMPT_SECRET` say whom to ask. Ray keeps the environment of its jobs
in plain text, and the job's own files may read it: the secret is good for reports of this attempt
alone, and for nothing once it is over.
"""

import logging
import os
import sys

from distnet.agent.connection import Connection, GivenUpError, UnreachableError, patiently
from distnet.agent.scratch import scratch_folder

SERVER, SECRET = "DISTNET_SERVER", "DISTNET_ATTEMPT_SECRET"

logger = logging.getLogger("distnet.attempt")


def main() -> int:
    """Carry out the attempt that the environment names; returns the exit code."""
    from distnet.agent.attempt import GIVEN_UP, UNHEARD, carry_out  # torch takes seconds

    logging.basicConfig(format="%(message)s")
    missing = [name for name in (SERVER, SECRET) if not os.environ.get(name)]
    if missing:
        logger.error("%s: not set; this is begun by a distnet server", " and ".join(missing))
        return UNHEARD
    connection = Connection(os.environ[SERVER], os.environ[SECRET])
    try:
        task = patiently(connection.task)
        with scratch_folder() as scratch:
            return carry_out(task, connection, scratch)
    except GivenUpError as error:
        logger.error("the server has given this attempt up: %s", error)
        return GIVEN_UP
    except UnreachableError as error:
        logger.error("the server did not answer for too long: %s", error)
        return UNHEARD


if __name__ == "__main__":
    sys.exit(main())
