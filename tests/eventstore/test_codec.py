"""Events become exactly the text that is hashed, and text of any age becomes events again."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from orderwright.eventstore.codec import EventCodec, UndecodableEvent, clean, encode, tag_of
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros


class Paid(Struct, frozen=True, kw_only=True, tag="paid"):
    amount: Decimal
    by: str
    parts: dict[str, Decimal] = {}
    more: tuple[Decimal, ...] = ()


class Returned(Struct, frozen=True, kw_only=True, tag="returned", omit_defaults=True):
    why: str | None = None


Event = Paid | Returned

codec: EventCodec[Paid | Returned] = EventCodec(Event)


def stored(kind: str, payload: str, schema_version: int = 1) -> StoredEvent:
    return StoredEvent(
        position=1,
        stream="a",
        version=1,
        event_id=uuid4(),
        type=kind,
        schema_version=schema_version,
        recorded_at=Micros(0),
        causation=uuid4(),
        correlation=uuid4(),
        payload=payload,
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1E-8", "0.00000001"),
        ("1E+5", "100000"),
        ("-2.5E-10", "-0.00000000025"),
        ("100000", "100000"),
        ("0E-9", "0.000000000"),
    ],
)
def test_decimals_are_written_without_an_exponent(number: str, text: str) -> None:
    value = Decimal(number)
    kind, payload = encode(Paid(amount=value, by="1E+5", parts={"a": value}, more=(value,)))

    assert kind == "paid"
    assert payload == (f'{{"type":"paid","amount":"{text}","by":"1E+5","parts":{{"a":"{text}"}},"more":["{text}"]}}')


def test_the_careful_way_writes_the_same_as_the_quick_one() -> None:
    _, quick = encode(Paid(amount=Decimal("1.5"), by='a"\\ü김\n', parts={"x": Decimal(2)}))
    _, careful = encode(Paid(amount=Decimal("1.5"), by='a"\\ü김\n', parts={"x": Decimal("2E+0"), "y": Decimal("1E-9")}))

    assert careful == quick.replace('"2"}', '"2","y":"0.000000001"}')
    assert encode(Returned()) == ("returned", '{"type":"returned"}')


def test_what_json_and_postgres_cannot_carry_is_replaced() -> None:
    _, payload = encode(Paid(amount=Decimal(1), by="a\x00b\ud800c", parts={"k\x00": Decimal(1)}))

    assert msgspec.json.decode(payload)["by"] == "a\ufffdb\ufffdc"
    assert "k\ufffd" in payload
    assert clean("a\x00\udfff") == "a\ufffd\ufffd"
    assert clean("plain 김 😀") == "plain 김 😀"


def test_text_that_only_looks_dangerous_stays_as_it_is() -> None:
    for text in ("\\u0000", '"1E5"', "1E+5"):
        assert codec.decode(stored("paid", encode(Paid(amount=Decimal(1), by=text))[1])) == Paid(
            amount=Decimal(1), by=text
        )


@given(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(),
    st.dictionaries(st.text(), st.decimals(allow_nan=False, allow_infinity=False), max_size=3),
)
def test_every_event_comes_back_equal(amount: Decimal, by: str, parts: dict[str, Decimal]) -> None:
    event = Paid(amount=amount, by=clean(by), parts={clean(key): value for key, value in parts.items()})
    kind, payload = encode(event)

    assert codec.decode(stored(kind, payload)) == event
    raw = msgspec.json.decode(payload)
    assert "E" not in "".join([raw["amount"], *raw["parts"].values()])


def test_a_new_event_carries_its_type_and_schema_version() -> None:
    ids = [uuid4() for _ in range(3)]
    new = codec.new_event(Returned(why="late"), event_id=ids[0], causation=ids[1], correlation=ids[2])

    assert (new.type, new.schema_version, new.payload) == ("returned", 1, '{"type":"returned","why":"late"}')
    assert [new.event_id, new.causation, new.correlation] == ids
    assert tag_of(Returned()) == "returned"


def to_second(raw: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paid", "amount": raw["sum"]}


def to_third(raw: dict[str, Any]) -> dict[str, Any]:
    return raw | {"by": "nobody"}


def test_old_versions_are_brought_forward_step_by_step() -> None:
    grown: EventCodec[Paid | Returned] = EventCodec(Event, upcasters={"paid": {1: to_second, 2: to_third}})
    now = Paid(amount=Decimal("1.5"), by="nobody")

    assert grown.schema_version("paid") == 3
    assert grown.schema_version("returned") == 1
    assert list(
        grown.decode_all(
            [
                stored("paid", '{"type":"paid","sum":"1.5"}', 1),
                stored("paid", '{"type":"paid","amount":"1.5"}', 2),
                stored("paid", encode(now)[1], 3),
            ]
        )
    ) == [now, now, now]


@pytest.mark.parametrize(
    ("kind", "payload", "schema_version"),
    [("paid", "{}", 1), ("paid", "no json", 1), ("lost", '{"type":"lost"}', 1), ("paid", '{"type":"paid"}', 2)],
)
def test_an_event_that_cannot_be_decoded_is_named(kind: str, payload: str, schema_version: int) -> None:
    with pytest.raises(UndecodableEvent, match=f"event 1 .{kind}, schema version {schema_version}. of stream a"):
        codec.decode(stored(kind, payload, schema_version))
