"""The webhook parser: bytes in, a checked list of instructions or the problem that says what is wrong with them."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from orderwright.engine.instruments import MarketType
from orderwright.engine.money import ZERO
from orderwright.engine.signals import AUTOMATIC_PRIORITY, Instruction, OrderType
from orderwright.http.json_text import read_object
from orderwright.http.problems import Problem, RequestRefused, refusal
from orderwright.http.webhook_fields import (
    Members,
    read_market_type,
    read_moment,
    read_number,
    read_order_type,
    read_positive,
    read_priority,
    read_side,
    read_text,
)
from orderwright.moments import Micros

MAX_ORDERS = 30

_MAX_UNKNOWN_FIELDS = 20
_LONGEST_FIELD_NAME = 60

_ENVELOPE = frozenset({"group_name", "token", "id", "timestamp"})
_IGNORED = frozenset({"exchange", "currency"})
_ALWAYS = frozenset({"order_type", "symbol", "priority"})
_ORDER = frozenset({"side", "qty_per", "qty", "ref"})
_USED: Mapping[OrderType, frozenset[str]] = {
    OrderType.MARKET: _ALWAYS | _ORDER,
    OrderType.LIMIT: _ALWAYS | _ORDER | {"price", "expires_at"},
    OrderType.STOP_MARKET: _ALWAYS | _ORDER | {"stop_price", "expires_at"},
    OrderType.STOP_LIMIT: _ALWAYS | _ORDER | {"price", "stop_price", "expires_at"},
    OrderType.CANCEL: _ALWAYS | {"order_id", "ref"},
    OrderType.CANCEL_ALL_ORDER: _ALWAYS | {"side"},
}
_USED_BY_ANY = frozenset[str]().union(*_USED.values())


class Notice(Struct, frozen=True, kw_only=True):
    """Something the sender should know although the message was taken; `reason` names the sentence."""

    reason: str
    details: dict[str, str] = {}


class ParsedWebhook(Struct, frozen=True, kw_only=True):
    """A webhook that is right in form.

    `key` is the sender's `id`, `body_hash` the SHA-256 of the trimmed body in hex, `sent_at` the sender's timestamp
    unless it lies in the future, `market_types` what the message claims to trade.
    """

    group_name: str | None
    token: str | None
    instructions: tuple[Instruction, ...]
    key: str | None
    sent_at: Micros | None
    market_types: frozenset[MarketType]
    body_hash: str
    notices: tuple[Notice, ...]


class _Reading:
    """One way through a message: what it needs to know, and what it collects."""

    def __init__(self, now: Micros) -> None:
        self.now = now
        self.outer_symbol: str | None = None
        self.notices: list[Notice] = []
        self.market_types: set[MarketType] = set()
        self._unknown = 0

    def unknown(self, field: str) -> None:
        self._unknown += 1
        if self._unknown <= _MAX_UNKNOWN_FIELDS:
            self.notices.append(Notice(reason="unknown_field", details={"field": _shown(field)}))

    def all_notices(self) -> tuple[Notice, ...]:
        more = self._unknown - _MAX_UNKNOWN_FIELDS
        if more > 0:
            self.notices.append(Notice(reason="more_unknown_fields", details={"count": str(more)}))
        return tuple(self.notices)


def parse_webhook(raw: bytes, *, now: Micros) -> ParsedWebhook | Problem:
    """Return what a webhook's body means, or what is wrong with it; never raises, whatever the bytes.

    Args:
        raw: the body as it came, whatever its content type.
        now: the moment of arrival.
    """
    try:
        return _parsed(raw, now)
    except RequestRefused as refused:
        return refused.problem


def _parsed(raw: bytes, now: Micros) -> ParsedWebhook:
    body = read_object(raw)
    members = body.members
    reading = _Reading(now)
    group_name = read_text(members, "group_name", "")
    token = _token(members)
    key = read_text(members, "id", "")
    sent_at = read_moment(members, "timestamp", "")
    if sent_at is not None and sent_at > now:
        reading.notices.append(Notice(reason="future_timestamp"))
        sent_at = None
    if members.get("orders") is None:
        instructions: tuple[Instruction, ...] = (_instruction(members, reading, leg=0, path=""),)
    else:
        instructions = _batch(members, reading)
    return ParsedWebhook(
        group_name=group_name,
        token=token,
        instructions=instructions,
        key=key,
        sent_at=sent_at,
        market_types=frozenset(reading.market_types),
        body_hash=hashlib.sha256(body.text.encode()).hexdigest(),
        notices=reading.all_notices(),
    )


def _token(members: Members) -> str | None:
    token = members.get("token")
    if isinstance(token, str) and not token.strip():
        return None
    return read_text(members, "token", "")


def _batch(members: Members, reading: _Reading) -> tuple[Instruction, ...]:
    orders = members["orders"]
    if not isinstance(orders, list) or not orders:
        raise refusal("invalid_field", reason="not_a_list", field="orders")
    if len(orders) > MAX_ORDERS:
        raise refusal("too_many_orders", field="orders", limit=str(MAX_ORDERS), count=str(len(orders)))
    _note_outer_fields(members, reading)
    reading.outer_symbol = read_text(members, "symbol", "")
    instructions = []
    for leg, item in enumerate(orders):
        if not isinstance(item, dict):
            raise refusal("invalid_field", reason="not_an_order", field=f"orders[{leg}]")
        instructions.append(_instruction(item, reading, leg=leg, path=f"orders[{leg}]."))
    return tuple(instructions)


def _note_outer_fields(members: Members, reading: _Reading) -> None:
    for name, value in members.items():
        if name in _ENVELOPE or name in {"orders", "symbol"} or value is None:
            continue
        if name == "market_type":
            _claim_market_type(members, "", reading)
        elif name in _IGNORED:
            reading.notices.append(Notice(reason="ignored_field", details={"field": name}))
        elif name in _USED_BY_ANY:
            reading.notices.append(Notice(reason="unused_beside_orders", details={"field": name}))
        else:
            reading.unknown(name)


def _instruction(item: Members, reading: _Reading, *, leg: int, path: str) -> Instruction:
    order_type = read_order_type(item, path)
    used = _USED[order_type]
    if not item.keys() <= used:
        _note_other_fields(item, reading, path=path, order_type=order_type)
    symbol = read_text(item, "symbol", path)
    # A cancel names its order; only a symbol of its own narrows that.
    if symbol is None and order_type is not OrderType.CANCEL:
        symbol = reading.outer_symbol
    side = read_side(item, path) if "side" in used else None
    given_priority = read_priority(item, path)
    instruction = Instruction(
        leg=leg,
        order_type=order_type,
        priority=AUTOMATIC_PRIORITY[order_type] if given_priority is None else given_priority,
        symbol=symbol,
        side=side,
        price=read_positive(item, "price", path) if "price" in used else None,
        stop_price=read_positive(item, "stop_price", path) if "stop_price" in used else None,
        qty_per=_qty_per(item, path) if "qty_per" in used else None,
        qty=read_positive(item, "qty", path) if "qty" in used else None,
        order_id=read_text(item, "order_id", path) if "order_id" in used else None,
        ref=read_text(item, "ref", path) if "ref" in used else None,
        expires_at=_expires_at(item, path, reading.now) if "expires_at" in used else None,
        has_own_priority=given_priority is not None,
    )
    _check_required(instruction, path)
    return instruction


def _qty_per(item: Members, path: str) -> Decimal | None:
    qty_per = read_number(item, "qty_per", path)
    if qty_per is not None and qty_per == ZERO:
        raise refusal("invalid_field", reason="zero", field=f"{path}qty_per")
    return qty_per


def _expires_at(item: Members, path: str, now: Micros) -> Micros | None:
    moment = read_moment(item, "expires_at", path)
    if moment is not None and moment <= now:
        raise refusal("invalid_field", reason="already_past", field=f"{path}expires_at")
    return moment


def _check_required(instruction: Instruction, path: str) -> None:
    order_type = instruction.order_type
    if order_type is OrderType.CANCEL_ALL_ORDER:
        return
    if order_type is OrderType.CANCEL:
        if instruction.order_id is None and instruction.ref is None:
            raise refusal("missing_field", reason="order_id_missing", field=f"{path}order_id")
        return
    if instruction.symbol is None:
        raise refusal("missing_field", field=f"{path}symbol")
    if instruction.price is None and "price" in _USED[order_type]:
        raise refusal("price_required", field=f"{path}price", order_type=order_type)
    if instruction.stop_price is None and "stop_price" in _USED[order_type]:
        raise refusal("stop_price_required", field=f"{path}stop_price", order_type=order_type)
    _check_quantity(instruction, path)


def _check_quantity(instruction: Instruction, path: str) -> None:
    if instruction.qty_per is None and instruction.qty is None:
        raise refusal("missing_field", reason="quantity_missing", field=f"{path}qty_per")
    if instruction.qty_per is not None and instruction.qty is not None:
        raise refusal("invalid_field", reason="two_quantities", field=f"{path}qty")
    if instruction.side is None and not instruction.is_close:
        raise refusal("missing_field", field=f"{path}side")


def _note_other_fields(item: Members, reading: _Reading, *, path: str, order_type: OrderType) -> None:
    used = _USED[order_type]
    for name, value in item.items():
        if name in used or value is None or (not path and name in _ENVELOPE):
            continue
        field = path + name
        if name == "market_type":
            _claim_market_type(item, path, reading)
        elif name in _IGNORED:
            reading.notices.append(Notice(reason="ignored_field", details={"field": field}))
        elif name in _USED_BY_ANY:
            details = {"field": field, "order_type": order_type.value}
            reading.notices.append(Notice(reason="unused_by_type", details=details))
        else:
            reading.unknown(field)


def _claim_market_type(members: Members, path: str, reading: _Reading) -> None:
    kind = read_market_type(members, path)
    if kind is not None:
        reading.market_types.add(kind)


def _shown(field: str) -> str:
    printable = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in field)
    return printable if len(printable) <= _LONGEST_FIELD_NAME else printable[: _LONGEST_FIELD_NAME - 1] + "…"
