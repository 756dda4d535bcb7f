"""The halt that a restore leaves: it stands until drift was examined, or was accepted by name."""

import pytest

from orderwright.engine.catalogue.commands import HaltTrading, LiftHalt
from orderwright.engine.catalogue.decide import Refusal, decide
from orderwright.engine.catalogue.events import Drift, HaltLifted, HaltScope, TradingHalted
from orderwright.engine.catalogue.evolve import evolve_all
from orderwright.engine.catalogue.state import Catalogue
from orderwright.moments import Micros

EVERYTHING = HaltScope.EVERYTHING
NOW = Micros(7)


def restored(before: Catalogue) -> Catalogue:
    command = HaltTrading(by="restore", why="a backup of monday", scope=EVERYTHING, until_examined=True)
    events = [event for event in decide(before, command, NOW) if isinstance(event, TradingHalted)]
    assert len(events) == 1
    return evolve_all(before, events)


def lift(drift: Drift) -> LiftHalt:
    return LiftHalt(by="kim", why="seen", scope=EVERYTHING, drift=drift)


def test_it_is_not_lifted_before_drift_was_examined() -> None:
    (refusal,) = decide(restored(Catalogue()), lift(Drift.UNEXAMINED), NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "drift_unexamined"


@pytest.mark.parametrize("drift", [Drift.NONE, Drift.ACCEPTED])
def test_what_was_known_of_drift_when_it_was_lifted_is_written_down(drift: Drift) -> None:
    halted = restored(Catalogue())
    (lifted,) = decide(halted, lift(drift), NOW)
    assert isinstance(lifted, HaltLifted)
    assert lifted.drift is drift
    assert not evolve_all(halted, [lifted]).halts


def test_it_takes_the_place_of_a_halt_that_was_in_the_backup() -> None:
    older = HaltTrading(by="kim", why="holidays", scope=EVERYTHING)
    events = [event for event in decide(Catalogue(), older, NOW) if isinstance(event, TradingHalted)]
    halted = restored(evolve_all(Catalogue(), events))
    assert halted.halts[EVERYTHING, ""].until_examined
    assert list(decide(halted, older, NOW)) == [], "and no operator's halt takes its place"


def test_of_another_halt_drift_says_nothing() -> None:
    command = HaltTrading(by="kim", why="holidays", scope=EVERYTHING)
    events = [event for event in decide(Catalogue(), command, NOW) if isinstance(event, TradingHalted)]
    (lifted,) = decide(evolve_all(Catalogue(), events), lift(Drift.UNEXAMINED), NOW)
    assert isinstance(lifted, HaltLifted)
    assert lifted.drift is None
