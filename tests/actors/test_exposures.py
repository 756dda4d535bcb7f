"""What siblings on an exchange account know of each other."""

import pytest

from orderwright.actors.exposures import Exposures
from orderwright.engine.instruments import MarketType

PLACE = ("A1", MarketType.FUTURES)
BTC, ETH = frozenset({"BTC/USDT"}), frozenset({"ETH/USDT"})
NOTHING: frozenset[str] = frozenset()


@pytest.fixture
def exposures() -> Exposures:
    return Exposures()


def test_what_others_hold_is_elsewhere_and_what_one_holds_alone_is_not(exposures: Exposures) -> None:
    exposures.put(PLACE, "one", BTC)
    exposures.put(PLACE, "two", ETH)
    assert exposures.elsewhere(PLACE, "one") == ETH
    assert exposures.elsewhere(PLACE, "two") == BTC
    assert exposures.elsewhere(PLACE, "three") == BTC | ETH


def test_what_both_hold_is_elsewhere_for_both_until_one_lets_go(exposures: Exposures) -> None:
    exposures.put(PLACE, "one", BTC)
    exposures.put(PLACE, "two", BTC)
    assert exposures.elsewhere(PLACE, "one") == BTC
    exposures.put(PLACE, "two", NOTHING)
    assert exposures.elsewhere(PLACE, "one") == NOTHING
    assert exposures.elsewhere(PLACE, "two") == BTC


def test_saying_the_same_again_changes_nothing(exposures: Exposures) -> None:
    for _ in range(3):
        exposures.put(PLACE, "one", BTC | ETH)
    exposures.put(PLACE, "one", ETH)
    assert exposures.elsewhere(PLACE, "two") == ETH
    assert dict(exposures.on(PLACE)) == {"one": ETH}


def test_places_are_apart(exposures: Exposures) -> None:
    exposures.put(PLACE, "one", BTC)
    for other in (("A2", MarketType.FUTURES), ("A1", MarketType.SPOT)):
        assert exposures.elsewhere(other, "two") == NOTHING
        assert dict(exposures.on(other)) == {}
