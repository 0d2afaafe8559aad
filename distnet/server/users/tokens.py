"""The text of a user's token, and its hash.

`dn_` + 12 characters of id + `_` + 43 characters of secret (256 bits). The ledger has only hashes:
scrypt with N = 2^14, r = 8, p = 1 takes 16 MiB and about 40 ms a guess.
Source: RFC 7914.
"""

import hashlib
import hmac
import re
import secrets
import string

TOKEN = re.compile(r"dn_([a-z0-9]{12})_[A-Za-z0-9_-]{43}")
LETTERS = string.ascii_lowercase + string.digits
ID_LENGTH = 12
SECRET_BYTES = 32
SALT_BYTES = 16
COST = {"n": 2**14, "r": 8, "p": 1, "maxmem": 64 * 2**20, "dklen": 32}


def make_token() -> tuple[str, str]:
    """Make a new random token; returns its id and its text."""
    id_ = "".join(secrets.choice(LETTERS) for _ in range(ID_LENGTH))
    return id_, f"dn_{id_}_{secrets.token_urlsafe(SECRET_BYTES)}"


def make_salt() -> bytes:
    """Make the salt of a new token."""
    return secrets.token_bytes(SALT_BYTES)


def id_of(token: str) -> str | None:
    """Read the id in a token; None if the text is not a token."""
    match = TOKEN.fullmatch(token)
    return match[1] if match else None


def hash_token(token: str, salt: bytes) -> bytes:
    """Hash the text of a token for the ledger."""
    return hashlib.scrypt(token.encode(), salt=salt, **COST)


def is_token(token: str, *, salt: bytes, hash_: bytes) -> bool:
    """Whether the hash is that of this token; takes the same time if it is not."""
    return hmac.compare_digest(hash_token(token, salt), hash_)
