"""Users and their tokens. Every change is one transaction, with an event in the log."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from distnet.protocol.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    no_such,
)
from distnet.protocol.users import TokenRequest, TokenResponse, UserResponse
from distnet.server.ledger import Ledger, events
from distnet.server.ledger import users as rows
from distnet.server.ledger.database import LockedError
from distnet.server.ledger.records import EventRecord, Role, Token, User
from distnet.server.users.tokens import hash_token, make_salt, make_token

DEFAULT_TEAM = "default"
LOCAL = "local"
"""The actor of commands that change the ledger without a server."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a request, and the token."""

    user: User
    token: Token

    @property
    def is_admin(self) -> bool:
        """Whether the user is an admin."""
        return self.user.role is Role.ADMIN


class Users:
    """Users and tokens of one ledger."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._clock = clock

    def has_token(self) -> bool:
        """Whether there is any usable token."""
        now = self._clock()
        with self._ledger.reading() as tx:
            return any(is_usable(token, now) for token in rows.read_tokens(tx))

    def first_admin(self, name: str) -> str | None:
        """Create the first user, an admin; returns the token, or None if there are users."""
        if self.users():
            return None
        user = User(name, Role.ADMIN, DEFAULT_TEAM, self._clock())
        token, text = self._new_token(name, "created at the first start", None)
        with self._ledger.transaction() as tx:
            rows.save_user(tx, user)
            self._record(tx, "user-created", LOCAL, f"{name} is the first user, an admin")
            self._add(tx, LOCAL, token)
        return text

    def find(self, token_id: str) -> Caller | None:
        """Find a token by its id; it may be revoked or expired."""
        with self._ledger.reading() as tx:
            token = rows.read_token(tx, token_id)
            user = rows.read_user(tx, token.user) if token else None
        return Caller(user, token) if user and token else None

    def mark_used(self, token: Token) -> None:
        """Record that a token was used, unless another program has locked the ledger."""
        with suppress(LockedError), self._ledger.transaction(waits=False) as tx:
            newest = rows.read_token(tx, token.id)
            if newest is not None:
                rows.save_token(tx, replace(newest, used_at=self._clock()))

    def users(self) -> list[UserResponse]:
        """List all users, by name."""
        with self._ledger.reading() as tx:
            users = rows.read_users(tx)
        return [user_response(user) for user in users]

    def tokens(self, by: Caller) -> list[TokenResponse]:
        """List the tokens of the caller; for an admin, those of all users."""
        with self._ledger.reading() as tx:
            users = {user.name: user for user in rows.read_users(tx)}
            tokens = rows.read_tokens(tx)
        return [
            _response(token, users[token.user])
            for token in sorted(tokens, key=lambda token: (token.user, token.created_at))
            if by.is_admin or token.user == by.user.name
        ]

    def make(self, by: Caller | None, request: TokenRequest) -> TokenResponse:
        """Create a token, and its user if an admin names a new one.

        Args:
            by: the caller; None for a command with access to the ledger itself.
            request: the user, and when the token expires.

        Raises:
            ForbiddenError: only an admin can do this.
            ConflictError: `other_role`: the user has another role than the one named;
                `last_admin`: no admin would be left.
            InvalidError: it would have expired already, or no user is named.
        """
        _require_later(request.expires_at, self._clock())
        token, text = self._new_token(_name(by, request), request.note, _expiry(by, request))
        with self._ledger.transaction() as tx:
            user = self._user_for(tx, by, request)
            self._add(tx, _actor(by), token)
        return _response(token, user).model_copy(update={"secret": text})

    def revoke(self, by: Caller | None, token_id: str) -> TokenResponse:
        """Revoke a token.

        Raises:
            NotFoundError: there is no such token.
            ForbiddenError: it belongs to another user.
        """
        with self._ledger.transaction() as tx:
            token = rows.read_token(tx, token_id)
            if token is None:
                raise NotFoundError(
                    f"there is no token {token_id}; list them with: distnet token list"
                )
            if by is not None and not by.is_admin and token.user != by.user.name:
                raise ForbiddenError(
                    f"token {token_id} is not yours; only its owner or an admin can revoke it"
                )
            user = rows.read_user(tx, token.user)
            assert user is not None, f"token {token_id} has no user"
            if token.revoked_at is None:
                token = replace(token, revoked_at=self._clock())
                rows.save_token(tx, token)
                text = f"token {token_id} of {user.name} revoked"
                self._record(tx, "token-revoked", _actor(by), text)
        return _response(token, user)

    def block(self, by: Caller, name: str, reason: str) -> User:
        """Refuse all requests of a user from now on; the tokens are kept.

        Raises:
            NotFoundError: there is no such user.
            ConflictError: `own_user`: nobody can block the user who blocks, so an admin is left.
        """
        if name == by.user.name:
            raise ConflictError(
                f"{name} is your own user; another admin can block it", code="own_user"
            )
        text = f"{name} blocked" + (f": {reason}" if reason else "")
        changes = {"blocked_by": by.user.name, "blocked_for": reason or None}
        return self._change(by, name, "user-blocked", text, blocked_at=self._clock(), **changes)

    def unblock(self, by: Caller, name: str) -> User:
        """Accept requests of a user again, with the tokens of before.

        Raises:
            NotFoundError: there is no such user.
        """
        changes = dict.fromkeys(("blocked_at", "blocked_by", "blocked_for"))
        return self._change(by, name, "user-unblocked", f"{name} unblocked", **changes)

    def _change(self, by: Caller, name: str, kind: str, text: str, **changes: Any) -> User:
        with self._ledger.transaction() as tx:
            user = rows.read_user(tx, name)
            if user is None:
                known = [user.name for user in rows.read_users(tx)]
                raise no_such("user", name, known, "distnet users list")
            changed = replace(user, **changes)
            if changed.is_blocked != user.is_blocked:
                rows.save_user(tx, changed)
                self._record(tx, kind, by.user.name, text)
                return changed
        return user

    def note(self, kind: str, actor: str, text: str) -> None:
        """Record in the event log what a user did, or was refused."""
        with self._ledger.transaction() as tx:
            self._record(tx, kind, actor, text)

    def _user_for(self, tx: Connection, by: Caller | None, request: TokenRequest) -> User:
        name = _name(by, request)
        known = rows.read_user(tx, name)
        changed = _changed(known, name, request, self._clock())
        if changed == known:
            if by is not None and not by.is_admin and name != by.user.name:
                raise ForbiddenError(f"only {name} or an admin can create a token for {name}")
            return changed
        if by is not None and not by.is_admin:
            raise ForbiddenError("only an admin can create users, or change their role or team")
        if known is not None and known.role is Role.ADMIN:
            _require_other_admin(tx, changed)
        if known is not None and not request.change_role:
            _require_same_role(known, changed)
        rows.save_user(tx, changed)
        self._record(
            tx,
            "user-changed" if known else "user-created",
            _actor(by),
            f"{name} is {changed.role}, team {changed.team}",
        )
        return changed

    def _new_token(self, user: str, note: str, expires_at: float | None) -> tuple[Token, str]:
        """Make a token; not in a transaction, because the hash takes long."""
        id_, text = make_token()
        salt = make_salt()
        hash_ = hash_token(text, salt)
        return Token(id_, user, salt, hash_, self._clock(), note, expires_at), text

    def _add(self, tx: Connection, actor: str, token: Token) -> None:
        rows.save_token(tx, token)
        self._record(tx, "token-created", actor, f"token {token.id} created for {token.user}")

    def _record(self, tx: Connection, kind: str, actor: str, text: str) -> None:
        events.append_events(tx, [EventRecord(0, self._clock(), kind, None, actor, text)])


def user_response(user: User) -> UserResponse:
    """A user as admins see it."""
    return UserResponse.model_validate(user, from_attributes=True)


def is_usable(token: Token, now: float) -> bool:
    """Whether a token is neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def _actor(by: Caller | None) -> str:
    return by.user.name if by else LOCAL


def _name(by: Caller | None, request: TokenRequest) -> str:
    if request.user is not None:
        return request.user
    if by is None:
        raise InvalidError("found no user, expected the user of the token: --user NAME")
    return by.user.name


def _changed(known: User | None, name: str, request: TokenRequest, now: float) -> User:
    if known is None:
        role = Role(request.role) if request.role else Role.SUBMITTER
        return User(name, role, request.team or DEFAULT_TEAM, now)
    role = Role(request.role) if request.role else known.role
    return replace(known, role=role, team=request.team or known.team)


def _require_other_admin(tx: Connection, changed: User) -> None:
    if changed.role is Role.ADMIN:
        return
    admins = (u for u in rows.read_users(tx) if u.role is Role.ADMIN and not u.is_blocked)
    if all(admin.name == changed.name for admin in admins):
        raise ConflictError(
            f"{changed.name} is the only admin; create another admin first", code="last_admin"
        )


def _require_same_role(known: User, changed: User) -> None:
    """A token request does not change the role of an existing user by accident."""
    if changed.role != known.role:
        raise ConflictError(
            f"{known.name} is already {known.role}, found role {changed.role}; leave the role out, "
            f"or change it with: distnet token create --user {known.name} --role {changed.role} "
            "--change-role",
            code="other_role",
        )


def _require_later(expires_at: float | None, now: float) -> None:
    if expires_at is not None and expires_at <= now:
        raise InvalidError(f"expires_at: found {expires_at:.0f}, expected a future time")


def _expiry(by: Caller | None, request: TokenRequest) -> float | None:
    """A token does not outlive the token that created it, unless an admin creates it."""
    own = by.token.expires_at if by and not by.is_admin else None
    ends = [at for at in (own, request.expires_at) if at is not None]
    return min(ends, default=None)


def _response(token: Token, user: User) -> TokenResponse:
    return TokenResponse(
        id=token.id,
        user=token.user,
        role=user.role,
        note=token.note,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        used_at=token.used_at,
    )
