"""Users and their tokens. Every change is one transaction, with a line in the event log."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from distnet.protocol.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from distnet.protocol.users import TokenAnswer, TokenRequest, UserAnswer
from distnet.server.ledger import Ledger, events
from distnet.server.ledger import users as people
from distnet.server.ledger.records import EventRecord, Role, Token, User
from distnet.server.users.tokens import hash_token, make_salt, make_token

DEFAULT_TEAM = "default"
LOCAL = "local"
"""Who acts when a command changes the ledger without a server."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and with which token."""

    user: User
    token: Token

    @property
    def is_admin(self) -> bool:
        """Whether the user may do everything."""
        return self.user.role is Role.ADMIN


class Users:
    """Users and tokens of one ledger."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._clock = clock

    def has_token(self) -> bool:
        """Whether there is a token with which somebody could do anything."""
        now = self._clock()
        with self._ledger.reading() as tx:
            return any(is_usable(token, now) for token in people.read_tokens(tx))

    def first_admin(self, name: str) -> str | None:
        """Make the first user, an admin; returns their token, or None if there is a user."""
        if self.users():
            return None
        user = User(name, Role.ADMIN, DEFAULT_TEAM, self._clock())
        token, text = self._draw(name, "made at the first start", None)
        with self._ledger.transaction() as tx:
            people.save_user(tx, user)
            self._tell(tx, "user-created", LOCAL, f"{name} is the first user, an admin")
            self._add(tx, LOCAL, token)
        return text

    def find(self, token_id: str) -> Caller | None:
        """Look up a token by its public part; it may be revoked or out of date."""
        with self._ledger.reading() as tx:
            token = people.read_token(tx, token_id)
            user = people.read_user(tx, token.user) if token else None
        return Caller(user, token) if user and token else None

    def mark_used(self, token: Token) -> None:
        """Remember when a token was used last."""
        with self._ledger.transaction() as tx:
            newest = people.read_token(tx, token.id)
            if newest is not None:
                people.save_token(tx, replace(newest, used_at=self._clock()))

    def users(self) -> list[UserAnswer]:
        """Everybody, by name."""
        with self._ledger.reading() as tx:
            users = people.read_users(tx)
        return [
            UserAnswer(name=u.name, role=u.role, team=u.team, created_at=u.created_at)
            for u in users
        ]

    def tokens(self, by: Caller) -> list[TokenAnswer]:
        """The tokens of the caller; an admin sees everybody's."""
        with self._ledger.reading() as tx:
            users = {user.name: user for user in people.read_users(tx)}
            tokens = people.read_tokens(tx)
        return [
            _shown(token, users[token.user])
            for token in sorted(tokens, key=lambda token: (token.user, token.created_at))
            if by.is_admin or token.user == by.user.name
        ]

    def make(self, by: Caller | None, asked: TokenRequest) -> TokenAnswer:
        """Make a token, and the user if an admin names a new one.

        Args:
            by: who asks; None for somebody who can write the ledger itself.
            asked: for whom, and until when.

        Raises:
            ForbiddenError: only an admin may do this.
            ConflictError: `other_role`: the user has another role than the one named;
                `last_admin`: nobody would be left who may do everything.
            InvalidError: it would have expired already, or nobody is named.
        """
        _require_later(asked.expires_at, self._clock())
        token, text = self._draw(_name(by, asked), asked.note, _expiry(by, asked))
        with self._ledger.transaction() as tx:
            user = self._user_for(tx, by, asked)
            self._add(tx, _actor(by), token)
        return _shown(token, user).model_copy(update={"secret": text})

    def revoke(self, by: Caller | None, token_id: str) -> TokenAnswer:
        """End a token for good.

        Raises:
            NotFoundError: there is no such token.
            ForbiddenError: it belongs to somebody else.
        """
        with self._ledger.transaction() as tx:
            token = people.read_token(tx, token_id)
            if token is None:
                raise NotFoundError(
                    f"no token has the id {token_id}; list them: distnet token list"
                )
            if by is not None and not by.is_admin and token.user != by.user.name:
                raise ForbiddenError(f"token {token_id} is not yours; ask an admin to revoke it")
            user = people.read_user(tx, token.user)
            assert user is not None, f"token {token_id} has no user"
            if token.revoked_at is None:
                token = replace(token, revoked_at=self._clock())
                people.save_token(tx, token)
                text = f"token {token_id} of {user.name} revoked"
                self._tell(tx, "token-revoked", _actor(by), text)
        return _shown(token, user)

    def note(self, kind: str, actor: str, text: str) -> None:
        """Write what somebody did, or was not allowed to do, into the event log."""
        with self._ledger.transaction() as tx:
            self._tell(tx, kind, actor, text)

    def _user_for(self, tx: Connection, by: Caller | None, asked: TokenRequest) -> User:
        name = _name(by, asked)
        known = people.read_user(tx, name)
        wanted = _wanted(known, name, asked, self._clock())
        if wanted == known:
            if by is not None and not by.is_admin and name != by.user.name:
                raise ForbiddenError(f"a token for {name} is made by {name} or an admin")
            return wanted
        if by is not None and not by.is_admin:
            raise ForbiddenError("only an admin may make users or change their role or team")
        if known is not None and known.role is Role.ADMIN:
            _require_other_admin(tx, wanted)
        if known is not None and not asked.change_role:
            _require_same_role(known, wanted)
        people.save_user(tx, wanted)
        self._tell(
            tx,
            "user-changed" if known else "user-created",
            _actor(by),
            f"{name} is {wanted.role}, team {wanted.team}",
        )
        return wanted

    def _draw(self, user: str, note: str, expires_at: float | None) -> tuple[Token, str]:
        """Outside of a transaction: the hash takes long."""
        id_, text = make_token()
        salt = make_salt()
        hash_ = hash_token(text, salt)
        return Token(id_, user, salt, hash_, self._clock(), note, expires_at), text

    def _add(self, tx: Connection, actor: str, token: Token) -> None:
        people.save_token(tx, token)
        self._tell(tx, "token-created", actor, f"token {token.id} made for {token.user}")

    def _tell(self, tx: Connection, kind: str, actor: str, text: str) -> None:
        events.append_events(tx, [EventRecord(0, self._clock(), kind, None, actor, text)])


def is_usable(token: Token, now: float) -> bool:
    """Whether a token still opens anything."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def _actor(by: Caller | None) -> str:
    return by.user.name if by else LOCAL


def _name(by: Caller | None, asked: TokenRequest) -> str:
    if asked.user is not None:
        return asked.user
    if by is None:
        raise InvalidError("found no user, expected whom the token is for: --user NAME")
    return by.user.name


def _wanted(known: User | None, name: str, asked: TokenRequest, now: float) -> User:
    if known is None:
        role = Role(asked.role) if asked.role else Role.SUBMITTER
        return User(name, role, asked.team or DEFAULT_TEAM, now)
    role = Role(asked.role) if asked.role else known.role
    return replace(known, role=role, team=asked.team or known.team)


def _require_other_admin(tx: Connection, wanted: User) -> None:
    if wanted.role is Role.ADMIN:
        return
    others = [u for u in people.read_users(tx) if u.role is Role.ADMIN and u.name != wanted.name]
    if not others:
        raise ConflictError(
            f"{wanted.name} is the only admin; make another one first", code="last_admin"
        )


def _require_same_role(known: User, wanted: User) -> None:
    """A token is for somebody as they are: a role that is only mentioned must not change theirs."""
    if wanted.role != known.role:
        raise ConflictError(
            f"{known.name} is {known.role} already, found the role {wanted.role}; leave the role "
            "out for one more token, or change it: distnet token create --user "
            f"{known.name} --role {wanted.role} --change-role",
            code="other_role",
        )


def _require_later(expires_at: float | None, now: float) -> None:
    if expires_at is not None and expires_at <= now:
        raise InvalidError(f"expires_at: found {expires_at:.0f}, expected a time to come")


def _expiry(by: Caller | None, asked: TokenRequest) -> float | None:
    """A token that is made with one that ends cannot outlive it, except by an admin's will."""
    own = by.token.expires_at if by and not by.is_admin else None
    ends = [at for at in (own, asked.expires_at) if at is not None]
    return min(ends, default=None)


def _shown(token: Token, user: User) -> TokenAnswer:
    return TokenAnswer(
        id=token.id,
        user=token.user,
        role=user.role,
        note=token.note,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        used_at=token.used_at,
    )
