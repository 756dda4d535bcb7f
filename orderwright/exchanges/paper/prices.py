"""Where the paper exchange's prices come from: a seeded walk, a recorded file, or fixed figures."""

import csv
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from orderwright.engine.money import EXACT, ZERO, parse_number
from orderwright.exchanges.gateway import ExchangeError
from orderwright.exchanges.paper.markets import START_PRICES
from orderwright.moments import SECOND, Micros, from_datetime


class BadPriceFile(ExchangeError):
    """A recorded price file cannot be read; the message names the file and the line."""


class PriceFeed(Protocol):
    """Tells prices; the same question always has the same answer."""

    def price(self, symbol: str, at: Micros) -> Decimal | None:
        """Return the price of `symbol` (quote units) at the moment `at`; None if the feed does not know the symbol."""
        ...


class FixedPrices:
    """Prices that never move."""

    def __init__(self, prices: Mapping[str, Decimal] = START_PRICES) -> None:
        self._prices = dict(prices)

    def price(self, symbol: str, at: Micros) -> Decimal | None:  # noqa: ARG002 - the moment changes nothing here
        """Return the symbol's one price."""
        return self._prices.get(symbol)


_OCTAVES = ((1, 20), (8, 57), (64, 160), (512, 450), (4_096, 1_280), (32_768, 3_620))
"""(period in seconds, largest deviation in parts per million): it grows with the square root of time, as prices do."""

_SCALE = 2**31


class SeededWalk:
    """A wandering price that is a pure function of seed, symbol and second, so that a restart continues the curve.

    It is the sum of noises of growing period and size (https://en.wikipedia.org/wiki/Value_noise), in whole numbers
    throughout, and so never leaves the starting price by more than 0.56 % times `volatility`.
    """

    def __init__(
        self, *, seed: int = 0, prices: Mapping[str, Decimal] = START_PRICES, volatility: Decimal = Decimal(1)
    ) -> None:
        self._seed = seed
        self._prices = dict(prices)
        self._volatility = volatility
        self._latest: dict[str, tuple[int, Decimal]] = {}

    def price(self, symbol: str, at: Micros) -> Decimal | None:
        """Return the walk's price in the second of `at`, on no particular tick."""
        start = self._prices.get(symbol)
        if start is None:
            return None
        second = at // SECOND
        latest = self._latest.get(symbol)
        if latest is not None and latest[0] == second:
            return latest[1]
        deviation = EXACT.multiply(self._volatility, Decimal(self._parts_per_billion(symbol, second)).scaleb(-9))
        price = EXACT.multiply(start, EXACT.add(1, deviation))
        self._latest[symbol] = second, price
        return price

    def _parts_per_billion(self, symbol: str, second: int) -> int:
        total = 0
        for period, size in _OCTAVES:
            knot, past = divmod(second, period)
            here = self._noise(symbol, period, knot)
            ahead = self._noise(symbol, period, knot + 1) if past else here
            between = (here * (period - past) + ahead * past) // period
            total += between * size * 1_000 // _SCALE
        return total

    def _noise(self, symbol: str, period: int, knot: int) -> int:
        digest = blake2b(f"{self._seed}|{symbol}|{period}|{knot}".encode(), digest_size=4).digest()
        return int.from_bytes(digest) - _SCALE


class RecordedPrices:
    """Prices from a CSV file with the columns time, symbol, price.

    A time is ISO 8601 (UTC if it names no zone) or seconds since the epoch. The last price at or before a moment
    holds; before the first row, the first one does. With `starts_at`, the recording is shifted to begin then.

    Raises:
        BadPriceFile: the file is missing, empty, or a line cannot be read.
    """

    def __init__(self, path: Path, *, starts_at: Micros | None = None) -> None:
        rows = sorted(_rows(path))
        if not rows:
            message = f"{path}: no prices in it"
            raise BadPriceFile(message)
        shift = 0 if starts_at is None else starts_at - rows[0][0]
        self._times: dict[str, list[int]] = {}
        self._prices: dict[str, list[Decimal]] = {}
        for at, symbol, price in rows:
            self._times.setdefault(symbol, []).append(at + shift)
            self._prices.setdefault(symbol, []).append(price)

    def price(self, symbol: str, at: Micros) -> Decimal | None:
        """Return the last recorded price at or before `at`."""
        times = self._times.get(symbol)
        return None if times is None else self._prices[symbol][max(bisect_right(times, at) - 1, 0)]


def _rows(path: Path) -> Iterator[tuple[int, str, Decimal]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            for row in reader:
                yield _row(row, where=f"{path}, line {reader.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        message = f"{path}: {exc}"
        raise BadPriceFile(message) from exc


def _row(row: Mapping[str, str | None], *, where: str) -> tuple[int, str, Decimal]:
    at, symbol, price = _moment(row.get("time") or ""), (row.get("symbol") or "").strip(), row.get("price") or ""
    figure = parse_number(price.strip())
    if at is None or not symbol or figure is None or figure <= ZERO:
        message = f"{where}: expected a time, a symbol and a price above zero, found {list(row.values())}"
        raise BadPriceFile(message)
    return at, symbol, figure


def _moment(text: str) -> Micros | None:
    seconds = parse_number(text.strip())
    if seconds is not None:
        return Micros(int(seconds * SECOND))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
