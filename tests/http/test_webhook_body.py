"""What the webhook parser understands, refuses and warns about."""

import json
from decimal import Decimal

import pytest

from orderwright.engine.instruments import MarketType
from orderwright.engine.signals import OrderType, Side
from orderwright.http.problems import Problem, document
from orderwright.http.webhook_body import Notice, ParsedWebhook, parse_webhook
from orderwright.moments import SECOND, Micros

NOW = Micros(1_800_000_000 * SECOND)

LIMIT = {
    "group_name": "test1",
    "token": "t" * 43,
    "symbol": "BTC/USDT",
    "order_type": "LIMIT",
    "side": "buy",
    "price": "105000.5",
    "qty_per": 10,
}


def parsed(body: object) -> ParsedWebhook:
    outcome = parse_webhook(raw(body), now=NOW)
    assert isinstance(outcome, ParsedWebhook), outcome
    return outcome


def problem(body: object) -> Problem:
    outcome = parse_webhook(raw(body), now=NOW)
    assert isinstance(outcome, Problem), outcome
    return outcome


def raw(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def limit(**changes: object) -> dict[str, object]:
    return {**LIMIT, **changes}


def without(*names: str) -> dict[str, object]:
    return {name: value for name, value in LIMIT.items() if name not in names}


def test_a_limit_order_is_read_whole() -> None:
    outcome = parsed(limit(ref="entry-1", id="a-1"))
    (order,) = outcome.instructions
    assert (outcome.group_name, outcome.token, outcome.key) == ("test1", "t" * 43, "a-1")
    assert (order.leg, order.order_type, order.priority) == (0, OrderType.LIMIT, 3)
    assert (order.symbol, order.side, order.price, order.qty_per) == (
        "BTC/USDT",
        Side.BUY,
        Decimal("105000.5"),
        Decimal(10),
    )
    assert (order.ref, order.qty, order.stop_price) == ("entry-1", None, None)
    assert outcome.notices == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b"\n"), (b"", b"\r\n\r\n"), (b"\xef\xbb\xbf", b""), (b" \t\r\n", b" "), (b"\xef\xbb\xbf\r\n", b"\xc2\xa0")],
)
def test_marks_and_blanks_around_the_body_change_nothing(before: bytes, after: bytes) -> None:
    assert parsed(before + raw(LIMIT) + after) == parsed(LIMIT)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty_body"),
        (b"\r\n \xef\xbb\xbf", "empty_body"),
        (b"buy BTC", "not_json"),
        (b'{"a": 1,}', "not_json"),
        (b'{"a": 01}', "not_json"),
        (b'{"a": +1}', "not_json"),
        (b'{"a": 1_000}', "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'{"a": "\x00"}', "not_json"),
        (b'{"a": 1} {"b": 2}', "not_json"),
        (b"\xff\xfe{\x00}\x00", "not_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "not_utf8"),
        (b"[1]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"price": NaN}', "not_finite"),
        (b'{"price": -Infinity}', "not_finite"),
        (b'{"a": "\\u0000"}', "forbidden_characters"),
        (b'{"a": ["\\ud83d"]}', "forbidden_characters"),
        (b'{"\\udc00": 1}', "forbidden_characters"),
        (b'{"a":' + b"[" * 16 + b"]" * 16 + b"}", "too_deep"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too_deep"),
        (b'{"a":' * 50_000, "too_deep"),
    ],
)
def test_what_is_no_strict_json_object_is_refused(body: bytes, reason: str) -> None:
    refused = problem(body)
    assert (refused.code, refused.reason) == ("invalid_json", reason)


def test_sixteen_levels_and_surrogate_pairs_pass() -> None:
    deep = b'"x": ' + b"[" * 15 + b"]" * 15
    outcome = parsed(b'{"order_type": "CANCEL", "ref": "\\ud83d\\ude80", ' + deep + b"}")
    assert outcome.instructions[0].ref == "\N{ROCKET}"


@pytest.mark.parametrize("value", ["0.05", "105000", "1" * 18 + "." + "1" * 18])
def test_a_number_may_come_as_text_or_as_json_number(value: str) -> None:
    as_text = parsed(limit(price=value)).instructions[0].price
    as_number = parsed(raw(limit(price="@")).replace(b'"@"', value.encode())).instructions[0].price
    assert as_text == as_number == Decimal(value)


@pytest.mark.parametrize(
    "value",
    [
        "1e5",
        "1E5",
        "1e999",
        "1_000",
        "+1",
        ".5",
        "5.",
        "NaN",
        "Infinity",
        "",
        " 1",
        "1\n",
        "٣",
        "１２",  # noqa: RUF001 -- another script's digit is the point
        "1" * 19,
        "0." + "1" * 19,
        "1,5",
        "{{close}}",
        True,
        False,
        [1],
        {"value": 1},
    ],
)
@pytest.mark.parametrize("field", ["price", "qty_per"])
def test_what_is_no_plain_number_is_refused(value: object, field: str) -> None:
    refused = problem(limit(**{field: value}))
    assert (refused.code, refused.field) == ("invalid_field", field)


@pytest.mark.parametrize("text", [b"1e5", b"1e999", b"1.5E3", b"1" * 5_000])
def test_json_numbers_with_exponents_or_without_end_are_refused(text: bytes) -> None:
    refused = problem(raw(limit(price="@")).replace(b'"@"', text))
    assert (refused.code, refused.field) == ("invalid_field", "price")


@pytest.mark.parametrize(
    ("field", "value"), [("price", "0"), ("price", "-1"), ("price", "-0.0"), ("qty_per", "0"), ("qty_per", "-0.00")]
)
def test_zero_and_negative_amounts_are_refused(field: str, value: str) -> None:
    refused = problem(limit(**{field: value}))
    assert (refused.code, refused.field) == ("invalid_field", field)


@pytest.mark.parametrize("value", ["0", "-1"])
def test_an_absolute_quantity_must_be_positive(value: str) -> None:
    assert problem({**without("qty_per"), "qty": value}).field == "qty"


@pytest.mark.parametrize(
    ("spelling", "order_type"),
    [
        ("market", OrderType.MARKET),
        ("Stop", OrderType.STOP_MARKET),
        (" STOP_market\n", OrderType.STOP_MARKET),
        ("stop_limit", OrderType.STOP_LIMIT),
        ("Limit", OrderType.LIMIT),
    ],
)
def test_order_types_are_understood_in_any_case(spelling: str, order_type: OrderType) -> None:
    outcome = parsed(limit(order_type=spelling, stop_price="1"))
    assert outcome.instructions[0].order_type is order_type


@pytest.mark.parametrize(
    ("spelling", "side"), [("BUY", Side.BUY), ("Long", Side.BUY), ("short", Side.SELL), (" sell ", Side.SELL)]
)
def test_long_and_short_are_sides(spelling: str, side: Side) -> None:
    assert parsed(limit(side=spelling)).instructions[0].side is side


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (without("order_type"), "missing_field", "order_type"),
        (limit(order_type="ICEBERG"), "unknown_order_type", "order_type"),
        (limit(order_type=5), "unknown_order_type", "order_type"),
        (without("symbol"), "missing_field", "symbol"),
        (limit(symbol=5930), "invalid_field", "symbol"),
        (limit(symbol=" "), "invalid_field", "symbol"),
        (limit(symbol="B" * 65), "invalid_field", "symbol"),
        (limit(symbol="BTC\x1b[31m"), "invalid_field", "symbol"),
        (without("side"), "missing_field", "side"),
        (limit(side="up"), "invalid_field", "side"),
        (limit(side=1), "invalid_field", "side"),
        (without("price"), "price_required", "price"),
        (limit(order_type="STOP"), "stop_price_required", "stop_price"),
        (limit(order_type="STOP_LIMIT"), "stop_price_required", "stop_price"),
        ({**without("price"), "order_type": "STOP_LIMIT", "stop_price": 1}, "price_required", "price"),
        (without("qty_per"), "missing_field", "qty_per"),
        (limit(qty="1"), "invalid_field", "qty"),
        (limit(ref="r" * 129), "invalid_field", "ref"),
        (limit(id=""), "invalid_field", "id"),
        (limit(id=["x"]), "invalid_field", "id"),
        (limit(token=5), "invalid_field", "token"),
        (limit(group_name=["x"]), "invalid_field", "group_name"),
        (limit(priority="soon"), "invalid_field", "priority"),
        (limit(priority=1.5), "invalid_field", "priority"),
        (limit(priority=10**7), "invalid_field", "priority"),
        (limit(market_type="MOON"), "invalid_field", "market_type"),
        (limit(timestamp="yesterday"), "invalid_field", "timestamp"),
        (limit(timestamp="2026-01-01T00:00:00"), "invalid_field", "timestamp"),
        (limit(timestamp=True), "invalid_field", "timestamp"),
        (limit(timestamp=10**15), "invalid_field", "timestamp"),
        (limit(timestamp="0001-01-01T00:00:00+23:59"), "invalid_field", "timestamp"),
        (limit(expires_at="2001-01-01T00:00:00Z"), "invalid_field", "expires_at"),
        ({"order_type": "CANCEL"}, "missing_field", "order_id"),
        (limit(orders=[]), "invalid_field", "orders"),
        (limit(orders={"a": 1}), "invalid_field", "orders"),
        (limit(orders=[1]), "invalid_field", "orders[0]"),
        (limit(orders=[LIMIT] * 31), "too_many_orders", "orders"),
        (limit(orders=[LIMIT, without("price")]), "price_required", "orders[1].price"),
        (limit(orders=[LIMIT, limit(price="x")]), "invalid_field", "orders[1].price"),
    ],
)
def test_each_mistake_has_its_code_and_its_field(body: object, code: str, field: str) -> None:
    refused = problem(body)
    assert (refused.code, refused.field) == (code, field)
    for language in ("en", "ko"):
        told = document(refused, language)
        assert told["error"] == told["detail"]
        assert told["error"]


def test_a_market_order_drops_its_prices_with_a_warning() -> None:
    outcome = parsed(limit(order_type="MARKET", price="not even a number", stop_price=1))
    (order,) = outcome.instructions
    assert order.price is None
    assert order.stop_price is None
    assert [(notice.reason, notice.details["field"]) for notice in outcome.notices] == [
        ("unused_by_type", "price"),
        ("unused_by_type", "stop_price"),
    ]


def test_a_negative_percentage_closes_and_needs_no_side() -> None:
    (order,) = parsed({**without("side", "price"), "order_type": "MARKET", "qty_per": "-100"}).instructions
    assert order.is_close
    assert order.side is None


def test_an_absolute_quantity_may_stand_for_the_percentage() -> None:
    (order,) = parsed({**without("qty_per"), "qty": "0.5"}).instructions
    assert (order.qty, order.qty_per) == (Decimal("0.5"), None)


def test_a_cancel_takes_an_order_id_a_number_or_a_label() -> None:
    assert parsed({"order_type": "CANCEL", "order_id": 12345}).instructions[0].order_id == "12345"
    assert parsed({"order_type": "CANCEL", "ref": "grid-1"}).instructions[0].ref == "grid-1"


def test_a_cancel_all_needs_nothing_and_takes_symbol_and_side() -> None:
    assert parsed({"order_type": "cancel_all_order"}).instructions[0].priority == 2
    (order,) = parsed({"order_type": "CANCEL_ALL_ORDER", "symbol": "BTC/USDT", "side": "sell"}).instructions
    assert (order.symbol, order.side) == ("BTC/USDT", Side.SELL)


def test_a_blank_symbol_never_widens_a_cancel_all() -> None:
    assert problem({"order_type": "CANCEL_ALL_ORDER", "symbol": ""}).field == "symbol"


def test_in_a_batch_only_the_symbol_falls_back_to_the_outer_object() -> None:
    orders = [{"order_type": "CANCEL_ALL_ORDER"}, {**without("symbol"), "priority": 1}, limit(symbol="ETH/USDT")]
    outcome = parsed({"symbol": "BTC/USDT", "side": "buy", "orders": orders, "token": "x", "group_name": "g"})
    assert [order.leg for order in outcome.instructions] == [0, 1, 2]
    assert [order.symbol for order in outcome.instructions] == ["BTC/USDT", "BTC/USDT", "ETH/USDT"]
    assert [order.priority for order in outcome.instructions] == [2, 1, 3]
    assert Notice(reason="unused_beside_orders", details={"field": "side"}) in outcome.notices
    refused = problem({"symbol": "BTC/USDT", "side": "buy", "orders": [without("side")]})
    assert refused.field == "orders[0].side"


def test_exchange_currency_and_unknown_fields_are_named_in_warnings() -> None:
    outcome = parsed(limit(exchange="BINANCE", currency="USDT", leverge=5))
    assert [(notice.reason, notice.details["field"]) for notice in outcome.notices] == [
        ("ignored_field", "exchange"),
        ("ignored_field", "currency"),
        ("unknown_field", "leverge"),
    ]


def test_a_flood_of_unknown_fields_is_counted_not_listed() -> None:
    outcome = parsed(limit(**{f"x{number}": 1 for number in range(500)}))
    assert len(outcome.notices) == 21
    assert outcome.notices[-1] == Notice(reason="more_unknown_fields", details={"count": "480"})


def test_a_null_is_as_if_left_out() -> None:
    assert parsed(limit(stop_price=None, ref=None, id=None, orders=None, what=None)).notices == ()
    assert problem(limit(price=None)).code == "price_required"


def test_of_a_key_sent_twice_the_last_counts() -> None:
    assert parsed(raw(LIMIT)[:-1] + b', "price": "7"}').instructions[0].price == Decimal(7)


def test_claimed_market_types_are_collected() -> None:
    outcome = parsed({"market_type": "spot", "orders": [limit(market_type="FUTURES")]})
    assert outcome.market_types == {MarketType.SPOT, MarketType.FUTURES}


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600),
        ("2026-01-01t09:00:00+09:00", 1_767_225_600),
        ("2026-01-01 00:00:00.5Z", 1_767_225_600.5),
        (1_767_225_600, 1_767_225_600),
        ("1767225600", 1_767_225_600),
        ("1767225600.25", 1_767_225_600.25),
        (1_767_225_600_500, 1_767_225_600.5),
    ],
)
def test_timestamps_are_understood_in_three_forms(timestamp: object, seconds: float) -> None:
    assert parsed(limit(timestamp=timestamp)).sent_at == int(seconds * SECOND)


def test_a_timestamp_in_the_future_counts_as_arrival_with_a_warning() -> None:
    outcome = parsed(limit(timestamp=2_000_000_000))
    assert outcome.sent_at is None
    assert outcome.notices == (Notice(reason="future_timestamp"),)


def test_a_limit_order_may_expire() -> None:
    assert parsed(limit(expires_at=1_900_000_000)).instructions[0].expires_at == 1_900_000_000 * SECOND


def test_a_blank_or_missing_token_is_no_token() -> None:
    assert parsed(without("token")).token is None
    assert parsed({**LIMIT, "token": " "}).token is None
