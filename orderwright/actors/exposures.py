"""Which strategy accounts hold, or may come to hold, what on the same exchange account; read from any thread."""

import threading
from collections.abc import Mapping

from msgspec import Struct
from rpds import HashTrieMap

from orderwright.engine.instruments import MarketType

Place = tuple[str, MarketType]
"""An exchange account, and the type of the markets there: positions of other types are other positions."""

_NOTHING: frozenset[str] = frozenset()


class _Exposed(Struct, frozen=True, kw_only=True):
    """What is known of one place; `only_once` are the symbols in which one strategy account is alone."""

    by_name: "HashTrieMap[str, frozenset[str]]" = HashTrieMap()
    counts: "HashTrieMap[str, int]" = HashTrieMap()
    symbols: frozenset[str] = _NOTHING
    only_once: frozenset[str] = _NOTHING


_UNKNOWN = _Exposed()


class Exposures:
    """Strategy accounts say here what they are exposed in, before anything that follows from it leaves the engine.

    What is published is immutable and replaced as a whole, so that readers need no lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[Place, _Exposed] = {}

    def put(self, place: Place, name: str, symbols: frozenset[str]) -> None:
        """Note that the strategy account `name` at `place` is exposed in these symbols, and in no other."""
        with self._lock:
            known = self._places.get(place, _UNKNOWN)
            before = known.by_name.get(name)
            if before == symbols:
                return
            counts = known.counts
            for symbol in (before or _NOTHING) - symbols:
                left = counts[symbol] - 1
                counts = counts.insert(symbol, left) if left else counts.remove(symbol)
            for symbol in symbols - (before or _NOTHING):
                counts = counts.insert(symbol, counts.get(symbol, 0) + 1)
            self._places[place] = _Exposed(
                by_name=known.by_name.insert(name, symbols),
                counts=counts,
                symbols=frozenset(counts),
                only_once=frozenset(symbol for symbol, count in counts.items() if count == 1),
            )

    def elsewhere(self, place: Place, name: str) -> frozenset[str]:
        """Return the symbols in which strategy accounts other than `name` at `place` are exposed."""
        known = self._places.get(place, _UNKNOWN)
        alone = known.by_name.get(name, _NOTHING) & known.only_once
        return known.symbols - alone if alone else known.symbols

    def on(self, place: Place) -> Mapping[str, frozenset[str]]:
        """Return the symbols by strategy account, for those that have been awake since the engine started."""
        return self._places.get(place, _UNKNOWN).by_name
