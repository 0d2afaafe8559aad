"""Carry out actions on the cluster, outside the lock: a slow cluster delays no user's request."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from distnet.protocol.errors import ServerError, UnavailableError
from distnet.server.attempts.monitor import Monitor
from distnet.server.gateway.actions import Action, ActionKind
from distnet.server.gateway.gateway import Gateway, ProcessStatus, StartRequest
from distnet.server.settings import Settings
from distnet.server.state.attempt_secrets import first_secret
from distnet.server.state.mirror import Mirror

logger = logging.getLogger(__name__)

Run = Callable[[Callable[[], None]], Any]
"""Runs a function: now, or in a thread."""


@dataclass
class ClusterActions:
    """Sends actions to the gateway, and their results to the monitor and the mirror."""

    mirror: Mirror
    gateway: Gateway
    settings: Settings
    monitor: Monitor
    clock: Callable[[], float]
    run: Run
    run_snapshot: Run
    """For snapshots. They have a thread of their own, because without them nothing is scheduled."""
    snapshot_at: float = 0.0
    """When the cluster responded last."""
    _running: set[tuple[ActionKind, str]] = field(default_factory=set)

    def send(self, action: Action) -> None:
        """Carry out an action, unless the same one is still running."""
        key = (action.kind, action.submission)
        with self.mirror.lock:
            if key in self._running:
                return
            self._running.add(key)

        def carry_out() -> None:
            try:
                self._carry_out(action)
            finally:
                with self.mirror.lock:
                    self._running.discard(key)

        run = self.run_snapshot if action.kind is ActionKind.SNAPSHOT else self.run
        run(carry_out)

    def _carry_out(self, action: Action) -> None:
        try:
            match action.kind:
                case ActionKind.SNAPSHOT:
                    self._snapshot()
                case ActionKind.START:
                    self._start(action)
                case ActionKind.POLL:
                    self._poll(action)
                case ActionKind.KILL:
                    self.gateway.kill(action.submission)
                case ActionKind.DELETE:
                    self.gateway.delete(action.submission)
                case ActionKind.SCALE:
                    self._scale()
        except UnavailableError as error:
            logger.info("%s %s: %s", action.kind, action.submission, error)
        except ServerError as error:
            logger.warning("%s %s: %s", action.kind, action.submission, error)
        except Exception:
            logger.exception("%s %s: a bug in distnet", action.kind, action.submission)

    def _snapshot(self) -> None:
        try:
            snapshot = self.gateway.snapshot()
        except Exception as error:
            with self.mirror.lock:
                self.mirror.unreachable = str(error) or "the cluster does not respond"
            if not isinstance(error, UnavailableError):
                raise
            return
        with self.mirror.lock:
            self.mirror.snapshot, self.mirror.unreachable = snapshot, ""
            self.snapshot_at = self.clock()

    def _scale(self) -> None:
        with self.mirror.lock:
            wanted = dict(self.mirror.groups.wanted)
        reasons = self.gateway.scale(wanted)
        with self.mirror.lock:
            self.mirror.groups.requested, self.mirror.groups.reasons = wanted, reasons

    def _start(self, action: Action) -> None:
        with self.mirror.lock:
            attempt = self.mirror.attempts.get(action.job)
            secret = first_secret(self.mirror.ledger.key, action.submission)
        if attempt is None or attempt.submission != action.submission:
            return
        address, environment = self.settings.address, self.settings.environment
        try:
            self.gateway.start(StartRequest(action.submission, address, secret, environment))
        except UnavailableError as error:
            with self.mirror.locked():
                self.monitor.set_start_failed(action, str(error))
            raise
        self.mirror.change(
            lambda: self.monitor.set_submitted(action.job, action.submission, self.clock())
        )

    def _poll(self, action: Action) -> None:
        status = self.gateway.status(action.submission)
        has_ended = status is ProcessStatus.ENDED
        message = self.gateway.end_message(action.submission) if has_ended else ""
        self.mirror.change(lambda: self.monitor.set_status(action, status, message, self.clock()))
