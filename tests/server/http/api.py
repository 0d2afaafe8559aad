"""The HTTP application of a server in the test process, and callers with tokens."""

from dataclasses import replace
from typing import Any

from fastapi.testclient import TestClient

from distnet.protocol.users import TokenRequest
from distnet.server.http.app import make_app
from distnet.server.ledger.records import Role, User
from distnet.server.ledger.users import save_user
from distnet.server.settings import Limits
from distnet.server.users.authenticator import Authenticator
from distnet.server.users.users import Users
from tests.server.harness import ADA, BOB, ROOT, Harness, asks

VIC = User("vic", Role.VIEWER, "vision", 0.0)
ADDRESS = "http://127.0.0.1:8270"


class Api:
    """`ada` and `bob` submit, `vic` looks on, `root` is the admin."""

    def __init__(self, harness: Harness, **limits: float) -> None:
        self.harness = harness
        self.server = harness.server
        self.clock = harness.clock
        with harness.ledger.transaction() as tx:
            save_user(tx, VIC)
        self.users = Users(harness.ledger, clock=harness.clock)
        self.authenticator = Authenticator(self.users, clock=harness.clock)
        settings = replace(harness.settings, limits=Limits(**limits))  # type: ignore[arg-type]
        self.app = make_app(harness.server, self.authenticator, settings)
        self._tokens: dict[str, str] = {}

    def token(self, user: str = "ada", **more: Any) -> str:
        """A token of a user's; without more to say, the same one again."""
        if more:
            return self._make(user, **more)
        if user not in self._tokens:
            self._tokens[user] = self._make(user)
        return self._tokens[user]

    def client(self, user: str | None = "ada", *, token: str | None = None) -> TestClient:
        """A client with a user's token, or with the one that is given, or with none."""
        secret = token or (self.token(user) if user is not None else None)
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return TestClient(self.app, base_url=ADDRESS, headers=headers, raise_server_exceptions=True)

    def events(self, kind: str) -> list[tuple[str, str]]:
        """Who did what, by the event log."""
        events = self.server.events(limit=1000).events
        return [(event.actor, event.text) for event in events if event.kind == kind]

    def _make(self, user: str, **more: Any) -> str:
        made = self.users.make(None, TokenRequest(user=user, **more))
        assert made.secret is not None
        return made.secret


def body(**more: Any) -> dict[str, Any]:
    """The JSON of a submit."""
    return asks(**more).model_dump(mode="json")


__all__ = ["ADA", "ADDRESS", "BOB", "ROOT", "VIC", "Api", "body"]
