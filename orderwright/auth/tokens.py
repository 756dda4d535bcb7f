"""Tokens: 256 random bits, shown once, kept and looked up as SHA-256 hashes only."""

import hashlib
import secrets
from enum import StrEnum

_BYTES = 32


class TokenKind(StrEnum):
    """What a token opens; the value is its prefix, by which a leaked one is recognised."""

    WEBHOOK = "owt_"
    API = "owa_"


def new_token(kind: TokenKind) -> str:
    """Return a fresh token; nobody will see it again."""
    return kind.value + secrets.token_urlsafe(_BYTES)


def token_hash(token: str) -> str:
    """Return what is stored of a token. The token is random, so a plain hash cannot be searched backwards."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_salt() -> str:
    """Return five random characters of a-z and 0-9, the mark of an installation's client order ids."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(5))
