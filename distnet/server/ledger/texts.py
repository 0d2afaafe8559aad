"""Job files and archives of code, each kept once under the sha256 of its content.

They lie in the database, so that a server on another machine has them too.
"""

import hashlib

from sqlalchemy import Connection, select

from distnet.protocol.errors import InvalidError, LedgerError
from distnet.server.ledger.rows import insert_if_new
from distnet.server.ledger.tables import codes, texts


def put_text(tx: Connection, text: str) -> str:
    """Keep a text; returns its sha256."""
    sha = _sha(text.encode())
    insert_if_new(tx, texts, {"sha256": sha, "text": text})
    return sha


def read_text(tx: Connection, sha: str) -> str | None:
    """The text of a sha256, if it is kept.

    Raises:
        LedgerError: it is not what was kept.
    """
    text: str | None = tx.execute(select(texts.c.text).where(texts.c.sha256 == sha)).scalar()
    if text is not None:
        _verify(sha, text.encode())
    return text


def put_code(tx: Connection, sha: str, data: bytes) -> None:
    """Keep an archive.

    Raises:
        InvalidError: `sha` is not its sha256.
    """
    if (found := _sha(data)) != sha:
        raise InvalidError(
            f"code {sha}: the {len(data):,} bytes that came have the sha256 {found}: they were "
            "damaged or cut on the way, send them again",
            code="wrong_hash",
        )
    insert_if_new(tx, codes, {"sha256": sha, "data": data})


def has_code(tx: Connection, sha: str) -> bool:
    """Whether an archive is kept."""
    return tx.execute(select(codes.c.sha256).where(codes.c.sha256 == sha)).first() is not None


def read_code(tx: Connection, sha: str) -> bytes | None:
    """The archive of a sha256, if it is kept.

    Raises:
        LedgerError: it is not what was kept.
    """
    data: bytes | None = tx.execute(select(codes.c.data).where(codes.c.sha256 == sha)).scalar()
    if data is not None:
        _verify(sha, data)
    return data


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _verify(sha: str, data: bytes) -> None:
    if _sha(data) != sha:
        raise LedgerError(f"ledger: what it keeps as {sha} is damaged: put back a copy of it")
