"""Whatever bytes arrive: the parser answers, and what it says can be told in both languages."""

import json

from falcon.testing import TestClient
from hypothesis import given
from hypothesis import strategies as st

from orderwright.config.load import load_config
from orderwright.engine.money import ZERO
from orderwright.engine.signals import OrderType
from orderwright.http.app import create_app
from orderwright.http.capacity import Capacity
from orderwright.http.problems import Problem, document
from orderwright.http.texts import NOTICE_TEXTS, sentence
from orderwright.http.webhook_body import ParsedWebhook, parse_webhook
from orderwright.moments import SECOND, Micros
from tests.http.conftest import DECLARATION
from tests.http.fake_engine import FakeEngine

NOW = Micros(1_800_000_000 * SECOND)

FIELDS = [
    "group_name",
    "token",
    "symbol",
    "order_type",
    "side",
    "price",
    "stop_price",
    "qty_per",
    "qty",
    "order_id",
    "ref",
    "expires_at",
    "market_type",
    "exchange",
    "currency",
    "priority",
    "id",
    "timestamp",
]
WORDS = [*OrderType, "STOP", "buy", "long", "BTC/USDT", "1", "-100", "0", "1e5", "NaN", "", "2026-01-01T00:00:00Z"]
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(WORDS))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=6
)
orders = st.dictionaries(st.sampled_from(FIELDS) | st.text(), values, max_size=12)
messages = st.one_of(
    orders,
    st.builds(lambda outer, items: {**outer, "orders": items}, orders, st.lists(orders | values, max_size=33)),
)


@given(st.binary())
def test_no_bytes_make_the_parser_raise(raw: bytes) -> None:
    check(parse_webhook(raw, now=NOW))


@given(st.text(alphabet='{}[]":,\\u0d8NaInfty-+.eE1 \r\n\ufeff'))
def test_nothing_that_looks_like_json_makes_the_parser_raise(text: str) -> None:
    check(parse_webhook(text.encode(), now=NOW))


@given(message=messages, ascii_only=st.booleans())
def test_no_message_makes_the_parser_raise(message: object, *, ascii_only: bool) -> None:
    text = json.dumps(message, ensure_ascii=ascii_only)
    check(parse_webhook(text.encode(errors="surrogatepass"), now=NOW))


@given(st.sampled_from([*OrderType, "STOP"]), st.dictionaries(st.sampled_from(FIELDS), scalars))
def test_what_is_accepted_is_complete(order_type: str, fields: dict[str, object]) -> None:
    check(parse_webhook(json.dumps({**fields, "order_type": order_type}).encode(), now=NOW))


@given(message=orders, token=st.sampled_from(["right", "wrong", None]))
def test_no_message_is_answered_with_a_5xx(message: dict[str, object], token: str | None) -> None:
    engine = FakeEngine()
    tokens = engine.declare(DECLARATION)
    told = {"right": tokens["test1", "alice"], "wrong": "x"}.get(token or "")
    body = json.dumps({**message, "group_name": "test1", "token": told}).encode(errors="surrogatepass")
    client = TestClient(create_app(engine, load_config(None, {}), Capacity(8)))
    assert client.simulate_post("/api/webhook", body=body).status_code < 500
    assert client.simulate_post(f"/webhook/{told}", body=body).status_code < 500


def check(outcome: ParsedWebhook | Problem) -> None:
    for language in ("en", "ko"):
        if isinstance(outcome, Problem):
            assert document(outcome, language)["error"]
            continue
        assert all(sentence(NOTICE_TEXTS, told.reason, told.details, language) for told in outcome.notices)
    if isinstance(outcome, Problem):
        return
    assert outcome.instructions
    for order in outcome.instructions:
        assert order.is_cancel or order.symbol
        assert order.is_cancel or (order.qty is None) != (order.qty_per is None)
        assert order.is_cancel or order.side or order.is_close
        assert order.price is None or order.price > ZERO
        assert (order.price is not None) == (order.order_type in {OrderType.LIMIT, OrderType.STOP_LIMIT})
        assert (order.stop_price is not None) == (order.order_type in {OrderType.STOP_MARKET, OrderType.STOP_LIMIT})
