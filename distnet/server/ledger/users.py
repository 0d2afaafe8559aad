"""Users, their tokens, and teams in the ledger."""

from sqlalchemy import Connection, select

from distnet.server.ledger.records import TeamRecord, Token, User
from distnet.server.ledger.rows import from_row, to_row, upsert
from distnet.server.ledger.tables import teams, tokens, users


def save_user(tx: Connection, record: User) -> None:
    """Insert a user, or write all columns."""
    upsert(tx, users, [to_row(record)])


def read_user(tx: Connection, name: str) -> User | None:
    """Read the user with this name."""
    row = tx.execute(select(users).where(users.c.name == name)).first()
    return from_row(User, row) if row else None


def read_users(tx: Connection) -> list[User]:
    """Read all of them, by name."""
    found = [from_row(User, row) for row in tx.execute(select(users))]
    return sorted(found, key=lambda record: record.name)


def blocked_users(tx: Connection) -> set[str]:
    """Read the names of the users that are blocked."""
    return set(tx.execute(select(users.c.name).where(users.c.blocked_at.is_not(None))).scalars())


def save_token(tx: Connection, record: Token) -> None:
    """Insert a token of an existing user, or write all columns."""
    upsert(tx, tokens, [to_row(record)])


def read_token(tx: Connection, id: str) -> Token | None:  # noqa: A002
    """Read the token with this id, also if it is revoked or expired."""
    row = tx.execute(select(tokens).where(tokens.c.id == id)).first()
    return from_row(Token, row) if row else None


def read_tokens(tx: Connection, user: str | None = None) -> list[Token]:
    """Read the tokens of one user, or all, oldest first."""
    query = select(tokens)
    if user is not None:
        query = query.where(tokens.c.user == user)
    found = [from_row(Token, row) for row in tx.execute(query)]
    return sorted(found, key=lambda record: (record.created_at, record.id))


def save_team(tx: Connection, record: TeamRecord) -> None:
    """Insert a team, or write all columns."""
    upsert(tx, teams, [to_row(record)])


def read_teams(tx: Connection) -> list[TeamRecord]:
    """Read all of them, by name."""
    found = [from_row(TeamRecord, row) for row in tx.execute(select(teams))]
    return sorted(found, key=lambda record: record.name)
