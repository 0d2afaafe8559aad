"""The secrets of live attempts: the first one, and the one that the agent has made itself.

Ray keeps the environment of its jobs in plain text, in its job table and in a log that every user
of a node can read. So the secret that is handed to Ray is good for one exchange: the agent makes
another one, and sends its hash. The first secret follows from the attempt, so that a server that
was killed starts the same attempt again; an exchange whose response was lost is repeated with the
same hash.
"""

import hashlib
import hmac

from distnet.server.ledger.records import AttemptRecord


def first_secret(key: bytes, submission: str) -> str:
    """The secret with which an attempt is started: always the same, also after a restart.

    Args:
        key: of the ledger.
        submission: of the attempt.
    """
    return hmac.new(key, submission.encode(), hashlib.sha256).hexdigest()


def sha256_of(secret: str) -> str:
    """The hash of a secret, as the ledger keeps it."""
    return hashlib.sha256(secret.encode()).hexdigest()


class AttemptSecrets:
    """By the sha256 of a secret, the job whose live attempt has it.

    Args:
        key: of the ledger.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._jobs: dict[str, str] = {}
        self._started: dict[str, str] = {}

    def put(self, attempt: AttemptRecord, before: AttemptRecord | None) -> None:
        """Take over an attempt.

        Args:
            attempt: as it is now.
            before: the newest attempt of its job until now.
        """
        started = sha256_of(first_secret(self._key, attempt.submission))
        if before is not None and before.submission == attempt.submission:
            self._jobs.pop(before.token_sha256, None)
        if attempt.ended_at is not None:
            self._jobs.pop(attempt.token_sha256, None)
            self._started.pop(started, None)
            return
        self._jobs[attempt.token_sha256] = attempt.job
        self._started[started] = attempt.job

    def job(self, sha256: str) -> str | None:
        """The job whose attempt has this secret now."""
        return self._jobs.get(sha256)

    def job_started_with(self, sha256: str) -> str | None:
        """The job whose live attempt was started with this secret, exchanged or not."""
        return self._started.get(sha256)

    def clear(self) -> None:
        """Forget all of them."""
        self._jobs.clear()
        self._started.clear()
