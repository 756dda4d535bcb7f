"""Identifiers: what names what, and the pure functions that derive one from another."""

import hashlib
from typing import NewType
from uuid import UUID

SignalId = NewType("SignalId", UUID)
"""One stored signal, or the operator's command that takes its place as the cause of an order."""

NO_SIGNAL = SignalId(UUID(int=0))
"""The cause of an order of which nobody knows who asked for it."""

OrderId = NewType("OrderId", str)
"""The engine's order id, which is also the client order id at the exchange: at most 32 of a-z0-9."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_SALT_LENGTH = 5
_NUMBER_LENGTH = 5
_HASH_LENGTH = 22

_FREE_BITS = ~(0xF << 76 | 0x3 << 62)
_VERSION_5 = 0x5 << 76 | 0x2 << 62


def base36(number: int, width: int) -> str:
    """Return `number` (>= 0) in base 36, zero-padded to `width`; the last `width` digits if it is longer."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def client_order_id(*, salt: str, account_number: int, signal_id: SignalId, leg: int, attempt: int) -> OrderId:
    """Return the client order id of one attempt at one leg: the same arguments always give the same id.

    The first five characters are the installation's salt, the next five the strategy account's number, so that an
    order seen at an exchange is attributed without the log (see `account_number_of`).
    """
    seed = f"{salt}|{account_number}|{signal_id}|{leg}|{attempt}".encode()
    digest = int.from_bytes(hashlib.sha256(seed).digest())
    return OrderId(salt + base36(account_number, _NUMBER_LENGTH) + base36(digest, _HASH_LENGTH))


def account_number_of(order_id: str, *, salt: str) -> int | None:
    """Return the number of the strategy account that made this client order id; None if this install did not."""
    if len(order_id) != _SALT_LENGTH + _NUMBER_LENGTH + _HASH_LENGTH or not order_id.startswith(salt):
        return None
    number = order_id[_SALT_LENGTH : _SALT_LENGTH + _NUMBER_LENGTH]
    # `int` alone would also read signs, blanks, underscores and other scripts' digits.
    return int(number, 36) if all(digit in _DIGITS for digit in order_id) else None


def event_id(cause: UUID, stream: str, version: int) -> UUID:
    """Return the id of the event that `cause` brought about as the `version`-th of `stream`."""
    # What uuid.uuid5 does, without the detours.
    digest = hashlib.sha1(cause.bytes + f"{stream}#{version}".encode(), usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(digest[:16]) & _FREE_BITS | _VERSION_5)


def time_ordered_id(now: int, entropy: bytes) -> UUID:
    """Return a version 7 UUID (RFC 9562): `now` in microseconds since the epoch, then bits of `entropy` (10 bytes)."""
    value = (now // 1_000) << 80 | int.from_bytes(entropy)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
