"""What names, amounts, addresses and durations in the catalogue must be like, whoever brings them."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from orderwright.config.reading import did_you_mean
from orderwright.engine.money import ZERO
from orderwright.moments import DAY

EXCHANGES = ("paper",)
"""The exchanges that an account can be at."""

PAPER = "paper"
PROFILES = ("binance", "bybit", "okx", "upbit", "bithumb")
"""The exchanges that a paper account can be like."""

MOST_LEVERAGE = 125
LONGEST = 366 * DAY

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_SALT = re.compile(r"[a-z0-9]{5}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z0-9]{2,12}", re.ASCII)
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")
_ADDRESS = re.compile(
    r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/?|https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?/?", re.ASCII
)
_MOST_DIGITS = 18
_MOST_GUESSED_FROM = 1_000


class Refusal(Struct, frozen=True, kw_only=True):
    """Why a command came to nothing: a stable code, the field it is about, the sentence a person reads."""

    code: str
    field: str
    error: str


def invalid(field: str, error: str) -> Refusal:
    """Return the refusal of a value that is wrong in itself."""
    return Refusal(code="invalid_field", field=field, error=error)


def unknown(code: str, field: str, *, what: str, name: str, known: Collection[str]) -> Refusal:
    """Return the refusal of a name that nothing has, with the one that may have been meant."""
    guess = did_you_mean(name, dict.fromkeys(known)) if len(known) <= _MOST_GUESSED_FROM else ""
    return Refusal(code=code, field=field, error=f"There is no {what} {name!r}.{guess}")


def check_name(field: str, name: str) -> Iterator[Refusal]:
    """Yield what is wrong with a name."""
    if not _NAME.fullmatch(name):
        yield invalid(
            field, f"{field} must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit."
        )


def check_salt(salt: str) -> Iterator[Refusal]:
    """Yield what is wrong with an installation's salt."""
    if not _SALT.fullmatch(salt):
        yield invalid("salt", "The salt must be five of a-z and 0-9.")


def check_hash(token_hash: str) -> Iterator[Refusal]:
    """Yield what is wrong with a token's hash."""
    if not _HASH.fullmatch(token_hash):
        yield invalid("token_hash", "A token is known by its SHA-256 hash, 64 hexadecimal digits.")


def check_email(email: str | None) -> Iterator[Refusal]:
    """Yield what is wrong with a mail address."""
    if email is not None and not _EMAIL.fullmatch(email):
        yield invalid("email", "email must be a mail address such as alice@example.com.")


def check_exchange(exchange: str, *, url: str | None, has_balances: bool) -> Iterator[Refusal]:
    """Yield what is wrong with where an account is."""
    if exchange not in EXCHANGES:
        guess = did_you_mean(exchange, dict.fromkeys(EXCHANGES)) or f" Known are: {', '.join(EXCHANGES)}."
        yield Refusal(code="unknown_exchange", field="exchange", error=f"There is no exchange {exchange!r}.{guess}")
    elif exchange != PAPER:
        if url is not None:
            yield invalid("url", f"url is for paper accounts only; {exchange} has its own.")
        if has_balances:
            yield invalid("balances", f"balances are for paper accounts only; {exchange} keeps its own.")
    if url is not None and not _ADDRESS.fullmatch(url):
        yield invalid("url", "url must be an address such as http://127.0.0.1:9001, without a path or a password.")


def check_profile(exchange: str, profile: str | None) -> Iterator[Refusal]:
    """Yield what is wrong with the exchange that an account is to be like."""
    if profile is None:
        return
    if exchange != PAPER:
        yield invalid("profile", f"profile is for paper accounts only; {exchange} is itself.")
    elif profile not in PROFILES:
        guess = did_you_mean(profile, dict.fromkeys(PROFILES)) or f" Known are: {', '.join(PROFILES)}."
        yield Refusal(code="unknown_profile", field="profile", error=f"There is no profile {profile!r}.{guess}")


def check_amounts(field: str, amounts: Mapping[str, Decimal]) -> Iterator[Refusal]:
    """Yield what is wrong with amounts by currency."""
    for currency, amount in amounts.items():
        place = f"{field}.{currency}"
        if not _CURRENCY.fullmatch(currency):
            yield invalid(place, f"{currency!r} is not a currency: write it like USDT or KRW.")
        yield from check_positive(place, amount)


def check_positive(field: str, amount: Decimal) -> Iterator[Refusal]:
    """Yield what is wrong with an amount that must be above 0."""
    if not _is_plain(amount) or amount <= ZERO:
        yield invalid(field, f"{field} must be above 0, with at most {_MOST_DIGITS} digits before and after the point.")


def check_leverage(leverage: Decimal, *, most: int, market: str) -> Iterator[Refusal]:
    """Yield what is wrong with a leverage in a market that allows up to `most`."""
    if not _is_plain(leverage) or not 1 <= leverage <= most:
        allowed = "1" if most == 1 else f"from 1 to {most}"
        yield invalid("leverage", f"leverage must be {allowed} for {market}.")


def check_duration(field: str, micros: int, *, least: int = 0) -> Iterator[Refusal]:
    """Yield what is wrong with a duration in microseconds."""
    if not least <= micros <= LONGEST:
        yield invalid(field, f"{field} must be {'above 0' if least else 'at least 0'} and at most 366 days.")


def _is_plain(amount: Decimal) -> bool:
    if not amount.is_finite():
        return False
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_MOST_DIGITS and amount.adjusted() < _MOST_DIGITS
