"""Each of the demo's claims bears out honest evidence, and falls with evidence that is false in one place."""

import io
import json
from collections.abc import Iterable
from decimal import Decimal

import pytest
from msgspec.structs import replace
from rich.console import Console

from orderwright.cli.demo import claims
from orderwright.cli.demo.cast import Cast
from orderwright.cli.demo.command import play
from orderwright.cli.demo.evidence import Books, Held, Known, Reply, Result, Shown, read_replay
from orderwright.cli.demo.scenes import Memory
from orderwright.cli.demo.screen import Screen
from orderwright.cli.demo.stage import StageError
from tests.cli.demo_evidence import (
    BTC,
    FILLED,
    NOON,
    REPLY,
    RESTING,
    STREAM,
    TRADE,
    books,
    ledger,
    log_lines,
    without,
)

HELD = {BTC: Decimal("0.20")}
SHOWN = Shown(account=STREAM, version=8, positions=(Held(symbol=BTC, quantity=HELD[BTC]),))


def result(**changes: object) -> Reply:
    return replace(REPLY, results=(replace(REPLY.results[0], **changes),))


def is_true(against: Iterable[str]) -> bool:
    return list(against) == []


def test_honest_evidence_bears_out_every_claim() -> None:
    at_exchange, log = books(), ledger()
    assert is_true(claims.placed_as_said(REPLY, at_exchange))
    assert is_true(claims.sized_as_computed(REPLY, at_exchange, {"A1": Decimal("0.5")}))
    assert is_true(claims.rest_at_the_exchange(at_exchange, {"A1": ["resting"]}))
    assert is_true(claims.held_at_the_exchange(at_exchange, {"A1": HELD}))
    assert is_true(claims.arrived_in_order(at_exchange.arrivals, "A1", [("place", "resting"), ("place", "filled")]))
    assert is_true(claims.nothing_arrived(at_exchange, books()))
    assert is_true(claims.intent_came_first(at_exchange, log))
    assert is_true(claims.none_lost(at_exchange, log))
    assert is_true(claims.none_doubled(at_exchange, log))
    assert is_true(claims.stored_once(log, ["k1"]))
    assert is_true(claims.fills_agree(at_exchange, log))
    assert is_true(claims.open_orders_agree(at_exchange, log))
    assert is_true(claims.positions_agree(at_exchange, log))


@pytest.mark.parametrize(
    "false",
    [
        {"status": "failed", "code": "exchange_rejected"},
        {"engine_order_id": "another"},
        {"order_id": "3"},
        {"amount": Decimal("0.4")},
        {"side": "sell"},
        {"order_status": "FILLED"},
    ],
)
def test_a_reply_that_the_books_do_not_bear_out_is_found(false: dict[str, object]) -> None:
    assert not is_true(claims.placed_as_said(result(**false), books()))


def test_a_reply_without_results_claims_nothing_that_is_true() -> None:
    assert not is_true(claims.placed_as_said(Reply(code="token_invalid", error="No."), books()))


@pytest.mark.parametrize(
    "expected",
    [{"A1": Decimal("0.4")}, {"A2": Decimal("0.5")}, {"A1": Decimal("0.5"), "A2": Decimal("0.5")}],
)
def test_another_size_or_another_account_is_found(expected: dict[str, Decimal]) -> None:
    assert not is_true(claims.sized_as_computed(REPLY, books(), expected))


def test_an_open_order_too_many_or_too_few_is_found() -> None:
    assert not is_true(claims.rest_at_the_exchange(books(), {"A1": []}))
    assert not is_true(claims.rest_at_the_exchange(books(), {"A1": ["resting", "filled"]}))
    assert not is_true(claims.rest_at_the_exchange(books(), {"A2": ["resting"]}))


def test_a_position_that_the_exchange_does_not_have_is_found() -> None:
    assert not is_true(claims.held_at_the_exchange(books(held="0.3"), {"A1": HELD}))
    assert not is_true(claims.held_at_the_exchange(books(), {"A1": {}}))
    assert not is_true(claims.held_by(Known(version=1, positions={}, open_ids=set()), HELD))


def test_another_order_of_arrival_is_found() -> None:
    expected = [("place", "filled"), ("place", "resting")]
    assert not is_true(claims.arrived_in_order(books().arrivals, "A1", expected))


def test_a_request_to_the_exchange_where_none_should_be_is_found() -> None:
    assert not is_true(claims.nothing_arrived(books(RESTING), books(RESTING, FILLED)))


def test_a_refusal_with_another_code_or_none_at_all_is_found() -> None:
    refused = Reply(results=(Result(account_name="A1", status="refused", order_type="MARKET", code="paused"),))
    assert is_true(claims.refused_with(refused, "paused", ["A1"]))
    assert not is_true(claims.refused_with(refused, "no_long_position", ["A1"]))
    assert not is_true(claims.refused_with(refused, "paused", ["A1", "A2"]))
    assert not is_true(claims.refused_with(REPLY, "paused", ["A1"]))


def test_a_duplicate_that_is_none_is_found() -> None:
    assert is_true(claims.is_duplicate_of(replace(REPLY, duplicate=True), REPLY))
    assert not is_true(claims.is_duplicate_of(REPLY, REPLY))
    assert not is_true(claims.is_duplicate_of(replace(REPLY, duplicate=True, signal_id="another"), REPLY))


def test_an_order_that_arrived_without_or_before_its_intent_is_found() -> None:
    assert not is_true(claims.intent_came_first(books(), without("order_requested")))
    assert not is_true(claims.intent_came_first(books(at=NOON - 1), ledger()))


def test_an_order_that_only_one_side_knows_is_found() -> None:
    assert not is_true(claims.none_lost(books(RESTING), ledger()))
    assert not is_true(claims.none_lost(books(), without("order_accepted")))
    assert not is_true(claims.none_lost(books(replace(RESTING, number=9), FILLED), ledger()))


def test_two_orders_for_one_leg_are_found() -> None:
    lines = log_lines()
    for line in lines:
        payload = line["payload"]
        assert isinstance(payload, dict)
        payload["leg"] = 0
    assert not is_true(claims.none_doubled(books(), ledger(lines)))


def test_an_alert_missing_twice_stored_or_unfinished_is_found() -> None:
    assert not is_true(claims.stored_once(ledger(), ["k1", "k2"]))
    assert not is_true(claims.stored_once(ledger([log_lines()[0], *log_lines()]), ["k1"]))
    assert not is_true(claims.stored_once(without("signal_finished"), ["k1"]))


def test_a_fill_that_differs_or_that_one_side_lacks_is_found() -> None:
    assert not is_true(claims.fills_agree(books(), without("fill_recorded")))
    assert not is_true(claims.fills_agree(books(trades=()), ledger()))
    assert not is_true(claims.fills_agree(books(trades=(replace(TRADE, amount=Decimal("0.1")),)), ledger()))


def test_an_order_open_on_one_side_only_is_found() -> None:
    assert not is_true(claims.open_orders_agree(books(replace(RESTING, status=FILLED.status), FILLED), ledger()))
    assert not is_true(claims.open_orders_agree(books(), without("order_closed")))


def test_positions_that_do_not_add_up_are_found() -> None:
    assert not is_true(claims.positions_agree(books(held="0.1"), ledger()))
    assert not is_true(claims.positions_agree(books(), without("fill_recorded")))


def test_a_state_that_is_not_the_logs_is_found() -> None:
    log = ledger()
    known = Known(version=8, positions=dict(HELD), open_ids={"resting"})
    assert is_true(
        claims.same_state(known, Known(version=8, positions=log.held(STREAM), open_ids=log.open_ids(STREAM)))
    )
    assert not is_true(claims.same_state(known, replace(known, version=7)))
    assert not is_true(claims.same_state(known, replace(known, open_ids=set())))
    assert not is_true(claims.state_is_the_log([SHOWN], log)), "an open order is missing in it"
    assert not is_true(claims.state_is_the_log([replace(SHOWN, positions=())], log))


def test_a_kill_after_the_burst_or_with_nothing_at_the_exchange_is_no_kill_in_the_middle() -> None:
    in_flight = without("order_accepted").in_flight()
    assert is_true(claims.died_in_the_middle(3, 5, in_flight, books()))
    assert not is_true(claims.died_in_the_middle(5, 5, in_flight, books()))
    assert not is_true(claims.died_in_the_middle(0, 5, in_flight, books()))
    assert not is_true(claims.died_in_the_middle(3, 5, (), books()))


def test_a_replay_is_read_without_what_is_flat() -> None:
    positions = {
        symbol: {"symbol": symbol, "quantity": amount} for symbol, amount in ((BTC, "0.00"), ("ETH/USDT", "2"))
    }
    replayed = {"stream": STREAM, "version": 4, "state": {"orders": {"a": {}}, "positions": positions}}
    assert read_replay(json.dumps(replayed)) == Known(version=4, positions={"ETH/USDT": Decimal(2)}, open_ids={"a"})


def screen_on(written: io.StringIO) -> Screen:
    return Screen(Console(file=written, force_terminal=False))


def test_a_false_claim_is_shown_with_its_evidence_and_remembered() -> None:
    written = io.StringIO()
    screen = screen_on(written)
    screen.step("A step")
    screen.claim("The sky is blue.", ())
    screen.claim("The sky is green.", ["it is blue", "look up"])
    screen.summary(())
    told = written.getvalue()
    assert "checked  The sky is blue." in told
    assert "NOT TRUE The sky is green." in told
    assert "it is blue" in told
    assert "1 of 2 claims are NOT TRUE" in told
    assert "true." not in told
    assert [failure.claim for failure in screen.failures] == ["The sky is green."]


def test_a_step_that_breaks_is_a_failure_and_the_next_one_is_still_played() -> None:
    screen = screen_on(io.StringIO())
    played: list[str] = []

    def begin(_cast: Cast, _memory: Memory) -> None:
        played.append("begin")

    def break_down(_cast: Cast, _memory: Memory) -> None:
        message = "the exchange is on fire"
        raise StageError(message)

    def go_on(cast: Cast, _memory: Memory) -> None:
        played.append("go on")
        cast.screen.claim("This is true.", ())

    play(screen, (begin, break_down, go_on))
    assert played == ["begin", "go on"]
    assert [failure.against for failure in screen.failures] == [("StageError: the exchange is on fire",)]


def test_without_an_engine_nothing_more_is_played() -> None:
    screen = screen_on(io.StringIO())
    played: list[str] = []

    def break_down(_cast: Cast, _memory: Memory) -> None:
        message = "no database"
        raise StageError(message)

    def go_on(_cast: Cast, _memory: Memory) -> None:
        played.append("go on")

    play(screen, (break_down, go_on))
    assert played == []
    assert len(screen.failures) == 1


def test_books_tell_nothing_of_accounts_they_do_not_have() -> None:
    at_exchange: Books = books()
    assert at_exchange.open_ids("A9") == set()
    assert at_exchange.positions("A9") == {}
    assert at_exchange.order("A9", "resting") is None
