"""The hash of a token, as the ledger keeps it."""

import hashlib

from distnet.server.users.tokens import hash_token, is_token, make_salt, make_token


def test_a_hash_takes_sixteen_mebibytes_of_scrypt() -> None:
    _, token = make_token()
    salt = make_salt()
    hash_ = hash_token(token, salt)

    assert hash_ == hashlib.scrypt(
        token.encode(), salt=salt, n=2**14, r=8, p=1, maxmem=2**26, dklen=32
    )
    assert is_token(token, salt=salt, hash_=hash_)
    assert not is_token(token[:-1] + "?", salt=salt, hash_=hash_)
