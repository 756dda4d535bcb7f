"""What the HTTP gateway makes of faults on the way: the right kind of outcome, and a look that tells the truth."""

import socket
import threading
import time
import urllib.error
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec
import pytest

from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import (
    Cancelled,
    ExchangeOrder,
    NotFound,
    Outcome,
    Placed,
    PlacementAnswered,
    PlaceOrder,
    Refused,
    Unclear,
)
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import ExchangeUnavailable
from orderwright.exchanges.paper.client import HttpPaperGateway
from orderwright.exchanges.paper.markets import DEFAULT_MARKETS
from orderwright.moments import SECOND
from tests.exchanges.conftest import BALANCES
from tests.exchanges.paper_process import CLOCK, PaperProcess, Trader, cancel, look, place, quote

ACTED_ON = ["drop_after", "error_after", "garbage_after", "cut_after"]
NEVER_ACTED_ON = ["drop_before", "error_before"]


@pytest.mark.parametrize("kind", ACTED_ON)
def test_an_answer_that_is_lost_or_unreadable_leaves_doubt_and_an_order(
    trader: Trader, process: PaperProcess, kind: str
) -> None:
    process.fault("place", kind)
    effect = place("buy", "0.1", "90000")
    assert isinstance(trader.place(effect), Unclear)
    seen = trader.look(look(effect.order_id))
    assert isinstance(seen, ExchangeOrder)
    assert seen.status is OrderStatus.NEW


@pytest.mark.parametrize("kind", NEVER_ACTED_ON)
def test_a_request_that_is_lost_leaves_doubt_and_no_order(trader: Trader, process: PaperProcess, kind: str) -> None:
    process.fault("place", kind)
    effect = place("buy", "0.1", "90000")
    assert isinstance(trader.place(effect), Unclear)
    assert trader.look(look(effect.order_id)) == NotFound()


def test_a_placement_is_sent_once_whatever_happens(trader: Trader, process: PaperProcess) -> None:
    for kind in (*ACTED_ON, *NEVER_ACTED_ON):
        process.fault("place", kind)
        trader.place(place("buy", "0.01", "90000"))
    assert process.served_books().requests["place"] == len(ACTED_ON) + len(NEVER_ACTED_ON)


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "garbage_after"])
def test_a_cancel_whose_answer_is_lost_is_never_taken_for_a_no(
    trader: Trader, process: PaperProcess, kind: str
) -> None:
    effect = place("buy", "0.1", "90000")
    trader.place(effect)
    process.fault("cancel", kind)
    # A dropped DELETE is sent again by the HTTP library, which the exchange then answers with "not found".
    assert isinstance(trader.cancel(cancel(effect.order_id)), Unclear | NotFound)
    assert trader.look(look(effect.order_id)).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("kind", ["error_before", "garbage_after"])
def test_a_look_that_fails_is_unclear_and_never_not_found(trader: Trader, process: PaperProcess, kind: str) -> None:
    process.fault("look", kind)
    assert isinstance(trader.look(look("never0sent")), Unclear)


def test_a_price_that_cannot_be_had_is_unclear(trader: Trader, process: PaperProcess) -> None:
    process.fault("price", "error_before")
    assert isinstance(trader.quote(quote("BTC/USDT")), Unclear)


def test_a_late_answer_is_doubt_at_the_deadline(trader: Trader, process: PaperProcess) -> None:
    process.fault("place", "delay_after", delay_ms=3_000)
    effect = place("buy", "0.1", "90000", deadline_in=SECOND // 2)
    before = time.monotonic()
    assert isinstance(trader.place(effect), Unclear)
    assert 0.4 < time.monotonic() - before < 1.5
    assert isinstance(trader.look(look(effect.order_id)), ExchangeOrder)


def test_an_order_that_arrives_after_its_time_is_refused_by_the_exchange(trader: Trader, process: PaperProcess) -> None:
    process.fault("place", "delay_before", delay_ms=600)
    effect = place("buy", "0.1", valid_for=SECOND // 2)
    refused = trader.place(effect)
    assert isinstance(refused, Refused)
    assert refused.code == "expired"
    assert process.served_books().requests["place"] == 1
    assert trader.look(look(effect.order_id)) == NotFound()


def test_an_order_that_arrives_late_lands_where_requests_do_not_expire(
    factory: GatewayFactory, process: PaperProcess
) -> None:
    gateway = factory.make("paper", account="A1", url=process.url, balances=BALANCES, profile="upbit")
    gateway.open()
    process.fault("place", "delay_before", delay_ms=300)
    effect = place("sell", "0.1", valid_for=SECOND // 5)
    assert isinstance(Trader(gateway).place(effect), Placed)


def test_a_rate_limit_is_a_definite_no_that_says_when_to_come_again(trader: Trader, process: PaperProcess) -> None:
    process.fault("place", "rate_limited", delay_ms=2_000)
    effect = place("buy", "0.1", "90000")
    refused = trader.place(effect)
    assert refused == Refused(code="rate_limited", error="too many requests (again in 2 s)", again_after=2 * SECOND)
    assert trader.look(look(effect.order_id)) == NotFound()
    process.fault("look", "rate_limited")
    assert isinstance(trader.look(look(effect.order_id)), Unclear)


def test_too_many_requests_are_answered_429_with_retry_after(trader: Trader, process: PaperProcess) -> None:
    trader.gateway.balances()
    process.conditions(rate_limit={"requests": 0, "per": 3_600 * SECOND})
    process.fault("balances", "rate_limited", delay_ms=1_500)
    for least in (2, 1):
        with pytest.raises(urllib.error.HTTPError) as answered:
            process.request("GET", "/v1/balances?account=A1")
        assert answered.value.code == 429
        assert least <= int(answered.value.headers["Retry-After"]) <= 3_600
        answered.value.close()


def test_maintenance_is_answered_503(process: PaperProcess) -> None:
    process.conditions(maintenance="unavailable")
    with pytest.raises(urllib.error.HTTPError) as answered:
        process.request("GET", "/v1/price?symbol=BTC/USDT")
    assert answered.value.code == 503
    answered.value.close()
    assert b'"unavailable"' in process.request("GET", "/v1/conditions")


NONSENSE: tuple[tuple[str, Any], ...] = (
    ("/v1/accounts", {"account": "A1", "profile": "mtgox"}),
    ("/v1/prices/script", {"symbol": "BTC/USDT", "price": "1"}),
    ("/v1/prices/script", [{"symbol": "BTC/USDT", "price": "0"}]),
    ("/v1/prices/script", [{"symbol": "BTC/USDT", "price": "1", "after_ms": -1}]),
    ("/v1/conditions", {"visibility_lag": -1}),
    ("/v1/conditions", {"maintenance": "sometimes"}),
    ("/v1/conditions", {"depth": {"BTC/USDT": "-1"}}),
    ("/v1/conditions", {"depth": {"BTC/USDT": "NaN"}}),
    ("/v1/leverage", {"account": "A1", "symbol": "BTC/USDT"}),
)


def test_what_cannot_be_is_answered_400(process: PaperProcess) -> None:
    for path, body in NONSENSE:
        with pytest.raises(urllib.error.HTTPError) as answered:
            process.request("POST", path, body)
        assert answered.value.code == 400, (path, body)
        answered.value.close()


def test_an_exchange_that_is_gone_refuses_what_cannot_have_left(trader: Trader, process: PaperProcess) -> None:
    process.kill()
    refused = trader.place(place("buy", "0.1"))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.again_after) == ("exchange_unreachable", 0)
    not_cancelled = trader.cancel(cancel("some0order"))
    assert isinstance(not_cancelled, Refused)
    assert not_cancelled.again_after == 0
    assert isinstance(trader.look(look("some0order")), Unclear)
    with pytest.raises(ExchangeUnavailable):
        trader.gateway.balances()


def test_a_cancel_that_left_once_is_doubt_even_if_its_repetition_could_not_leave(factory: GatewayFactory) -> None:
    opened, markets = b'{"account":"A1"}', msgspec.json.encode(DEFAULT_MARKETS)
    requests: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def answer_twice_and_vanish() -> None:
        connection, _ = listener.accept()
        with connection:
            for end, body in ((b"}", opened), (b"\r\n\r\n", markets)):
                requests.append(_received(connection, end))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            requests.append(_received(connection, b"\r\n\r\n"))
            listener.close()

    server = threading.Thread(target=answer_twice_and_vanish)
    server.start()
    outcome = Trader(factory.make("paper", account="A1", url=url)).cancel(cancel("some0order"))
    server.join()
    assert requests[2].startswith(b"DELETE")
    assert isinstance(outcome, Unclear)


def _received(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        received += connection.recv(65_536)
    return received


def test_a_gateway_to_an_absent_exchange_works_once_the_exchange_is_there(
    factory: GatewayFactory, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gateway = factory.make("paper", account="A1", url=f"http://127.0.0.1:{port}", balances=BALANCES)
    with pytest.raises(ExchangeUnavailable):
        gateway.open()
    trader = Trader(gateway)
    assert isinstance(trader.place(place("buy", "0.1")), Refused)
    process = PaperProcess(tmp_path / "exchange", port=port)
    try:
        assert isinstance(trader.place(place("buy", "0.1")), Placed)
    finally:
        process.kill()


def test_a_server_that_never_answers_is_given_up_at_the_deadline(factory: GatewayFactory) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        gateway = factory.make("paper", account="A1", url=f"http://127.0.0.1:{deaf.getsockname()[1]}")
        before = time.monotonic()
        refused = Trader(gateway).place(place("buy", "0.1", deadline_in=SECOND // 2))
        assert isinstance(refused, Refused), "the order was not sent: the account could not be opened first"
        assert time.monotonic() - before < 1.5
        assert isinstance(gateway, HttpPaperGateway)
        with pytest.raises(ExchangeUnavailable):
            gateway.open(timeout=0.2)


def test_a_slow_exchange_does_not_hold_up_other_orders(trader: Trader, process: PaperProcess) -> None:
    process.fault("place", "delay_before", delay_ms=1_000)
    outcomes: SimpleQueue[Outcome] = SimpleQueue()
    slow = place("buy", "0.01", "90000")
    trader.gateway.submit(slow, outcomes.put)
    while process.served_books().requests.get("place") != 1:
        time.sleep(0.01)
    before = time.monotonic()
    assert isinstance(trader.place(place("buy", "0.01", "90000")), Placed)
    assert time.monotonic() - before < 0.8
    assert outcomes.get(timeout=5).order_id == slow.order_id  # type: ignore[union-attr]


def test_closing_the_gateway_answers_what_is_under_way_with_doubt(trader: Trader, process: PaperProcess) -> None:
    process.fault("place", "delay_after", delay_ms=2_000)
    outcomes: SimpleQueue[Outcome] = SimpleQueue()
    trader.gateway.submit(place("buy", "0.1", "90000"), outcomes.put)
    while process.served_books().requests.get("place") != 1:
        time.sleep(0.01)
    trader.gateway.close()
    outcome = outcomes.get(timeout=1)
    assert isinstance(outcome, PlacementAnswered)
    assert isinstance(outcome.result, Unclear)
    late = trader.place(place("buy", "0.1"))
    assert isinstance(late, Refused), "after closing, nothing leaves any more"


def test_many_orders_at_once_are_each_answered_once(trader: Trader, process: PaperProcess) -> None:
    outcomes: SimpleQueue[Outcome] = SimpleQueue()
    effects = [place("buy", "0.0001", "90000") for _ in range(100)]

    def send(part: list[PlaceOrder]) -> None:
        for effect in part:
            trader.gateway.submit(effect, outcomes.put)

    threads = [threading.Thread(target=send, args=(part,)) for part in (effects[:50], effects[50:])]
    for thread in threads:
        thread.start()
    answered = {outcomes.get(timeout=10).order_id for _ in effects}  # type: ignore[union-attr]
    for thread in threads:
        thread.join()
    assert answered == {effect.order_id for effect in effects}
    assert outcomes.empty()
    assert len(process.served_books().books.accounts[0].orders) == 100


def test_a_fault_with_a_seed_befalls_a_repeatable_share_of_requests(trader: Trader, process: PaperProcess) -> None:
    def lost(seed: int) -> list[bool]:
        process.fault("look", "error_before", count=None, probability=0.5, seed=seed)
        found = [isinstance(trader.look(look("never0sent")), Unclear) for _ in range(20)]
        process.request("DELETE", "/v1/faults")
        return found

    first = lost(1)
    assert first == lost(1)
    assert any(first)
    assert not all(first)


def test_a_cancel_of_a_live_order_comes_back_with_its_final_state(trader: Trader) -> None:
    effect = place("buy", "0.1", "90000")
    trader.place(effect)
    cancelled = trader.cancel(cancel(effect.order_id))
    assert isinstance(cancelled, Cancelled)
    assert cancelled.order is not None
    assert cancelled.order.client_order_id == effect.order_id
    assert CLOCK.now() < effect.deadline
