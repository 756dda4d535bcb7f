"""`/api/v1/strategy-accounts`: every strategy account with its state, and what an operator can tell one to do."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

import falcon
import msgspec
from msgspec import Struct

from orderwright.actors.messages import Away, Operated, Unavailable, strategy_account_name
from orderwright.actors.switchboard import OperatorCommand, Switchboard
from orderwright.engine.catalogue.events import Link
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.ids import SignalId
from orderwright.engine.money import plain
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.commands import (
    CancelOrders,
    LiquidatePositions,
    PauseTrading,
    ResumeTrading,
)
from orderwright.http.admission import administrator
from orderwright.http.bodies import read_body
from orderwright.http.json_text import read_object
from orderwright.http.problems import RequestRefused, refusal
from orderwright.http.webhook_fields import read_side, read_text
from orderwright.readmodels.account_view import ACTIVE, EXCHANGE_UNREACHABLE, AccountView

UNREACHABLE: Final = "unreachable"
"""The condition of a strategy account that did not answer in time."""

_DESCRIBE_SECONDS = 3.0
_OPERATE_SECONDS = 10.0
_MAX_BODY = 65_536


class _Order(Struct, frozen=True, kw_only=True):
    """What an operator wants, why, and who it is."""

    command_id: SignalId
    by: str
    why: str
    symbol: str | None
    side: Side | None


def _pause(order: _Order) -> OperatorCommand:
    return PauseTrading(by=order.by, why=order.why)


def _resume(order: _Order) -> OperatorCommand:
    return ResumeTrading(by=order.by, why=order.why)


def _cancel_all(order: _Order) -> OperatorCommand:
    return CancelOrders(command_id=order.command_id, by=order.by, why=order.why, symbol=order.symbol, side=order.side)


def _liquidate(order: _Order) -> OperatorCommand:
    return LiquidatePositions(command_id=order.command_id, by=order.by, why=order.why)


_OPERATIONS: Mapping[str, Callable[[_Order], OperatorCommand]] = {
    "pause": _pause,
    "resume": _resume,
    "cancel-all": _cancel_all,
    "liquidate": _liquidate,
}


class StrategyAccounts:
    """For administrators only."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def on_get_list(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with all of them."""
        administrator(self._switchboard.catalogue(), req)
        catalogue = self._switchboard.catalogue()
        resp.data = msgspec.json.encode({"strategy_accounts": self._described(catalogue, catalogue.links.values())})

    def on_get(self, req: falcon.Request, resp: falcon.Response, strategy: str, account: str) -> None:
        """Answer with one."""
        administrator(self._switchboard.catalogue(), req)
        catalogue = self._switchboard.catalogue()
        (described,) = self._described(catalogue, [link_named(catalogue, strategy, account)])
        resp.data = msgspec.json.encode(described)

    def on_post_operation(
        self, req: falcon.Request, resp: falcon.Response, strategy: str, account: str, operation: str
    ) -> None:
        """Do what the operator wants: 200 when it is done, 202 while it goes on or nobody knows yet."""
        by = administrator(self._switchboard.catalogue(), req)
        command = _OPERATIONS.get(operation)
        if command is None:
            raise refusal("not_found")
        link = link_named(self._switchboard.catalogue(), strategy, account)
        order = self._read(req, by)
        name = strategy_account_name(link.strategy, link.account)
        operated = self._switchboard.operate(name, command(order), timeout=_OPERATE_SECONDS)
        if isinstance(operated, Unavailable):
            raise turned_away(operated)
        resp.status = falcon.HTTP_200 if operated is not None and operated.done else falcon.HTTP_202
        resp.data = msgspec.json.encode(operated_reply(link, operated))

    def _read(self, req: falcon.Request, by: str) -> _Order:
        raw = read_body(req, _MAX_BODY)
        members = read_object(raw).members if raw.strip() else {}
        return _Order(
            command_id=SignalId(self._switchboard.new_id()),
            by=by,
            why=read_text(members, "why", "") or "",
            symbol=read_text(members, "symbol", ""),
            side=read_side(members, ""),
        )

    def _described(self, catalogue: Catalogue, links: Iterable[Link]) -> list[dict[str, object]]:
        by_name = {strategy_account_name(link.strategy, link.account): link for link in links}
        views = self._switchboard.describe(list(by_name), timeout=_DESCRIBE_SECONDS)
        troubles = {exchange.account: exchange.trouble for exchange in self._switchboard.exchange_accounts()}
        return [
            _shown(catalogue, link, views.get(name), exchange_trouble=troubles.get(link.account, ""))
            for name, link in by_name.items()
        ]


def turned_away(unavailable: Unavailable) -> RequestRefused:
    """Return the problem of a strategy account that takes nothing now."""
    if unavailable.away is Away.OVERLOADED:
        return refusal("overloaded", reason="busy")
    if unavailable.away is Away.UNWRITTEN:
        return refusal("store_unavailable", reason="unwritten")
    return refusal("quarantined", why=unavailable.reason)


def link_named(catalogue: Catalogue, strategy: str, account: str) -> Link:
    """Return the link of a strategy to an account.

    Raises:
        RequestRefused: `strategy_account_not_found`.
    """
    link = catalogue.link(strategy, account)
    if link is None:
        raise refusal("strategy_account_not_found")
    return link


def _shown(
    catalogue: Catalogue, link: Link, view: AccountView | Unavailable | None, *, exchange_trouble: str
) -> dict[str, object]:
    strategy = catalogue.strategies[link.strategy]
    halt = catalogue.halt_on(link.strategy, link.account)
    declared = _named(link) | {
        "exchange": catalogue.accounts[link.account].exchange,
        "market_type": strategy.market_type.value,
        "active": strategy.active,
        "leverage": plain(link.leverage),
        "halted": None if halt is None else halt.sentence,
        "exchange_trouble": exchange_trouble or None,
    }
    if view is None:
        return declared | {"condition": UNREACHABLE}
    if isinstance(view, Unavailable):
        return declared | {"condition": view.away.value, "why": view.reason}
    if exchange_trouble and view.condition == ACTIVE:
        view = msgspec.structs.replace(view, condition=EXCHANGE_UNREACHABLE, why=exchange_trouble)
    return declared | {
        field: _with_plain_decimals(msgspec.to_builtins(value, builtin_types=(Decimal,)))
        for field, value in msgspec.structs.asdict(view).items()
    }


def operated_reply(link: Link, operated: Operated | None) -> dict[str, object]:
    """Return what came of an operator's command as it is answered; None: nobody knows yet."""
    if operated is None:
        return _named(link) | {"done": False, "note": "There was no answer in time; it may still be carried out."}
    return _named(link) | msgspec.structs.asdict(operated)


def _named(link: Link) -> dict[str, object]:
    name = strategy_account_name(link.strategy, link.account)
    return {"account": name, "strategy": link.strategy, "account_name": link.account}


def _with_plain_decimals(value: object) -> object:
    match value:
        case Decimal():
            return plain(value)
        case dict():
            return {key: _with_plain_decimals(item) for key, item in value.items()}
        case list() | tuple():
            return [_with_plain_decimals(item) for item in value]
    return value
