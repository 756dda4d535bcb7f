"""What an operator decides in person about a strategy account: adopting what is held, ending a doubt."""

from typing import TypeVar
from uuid import NAMESPACE_OID, uuid5

import falcon
import msgspec

from orderwright.actors.adoptions import Adoption, AdoptionRefused
from orderwright.actors.messages import Operated, Unavailable, strategy_account_name
from orderwright.actors.switchboard import Switchboard
from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.money import ZERO
from orderwright.engine.strategy_account.commands import ResolveDoubt
from orderwright.engine.strategy_account.events import Decision
from orderwright.http.admission import administrator
from orderwright.http.bodies import read_body
from orderwright.http.json_text import read_object
from orderwright.http.problems import refusal
from orderwright.http.strategy_accounts import link_named, operated_reply, turned_away
from orderwright.http.webhook_fields import Members, read_flag, read_number, read_positive, read_text

_SECONDS = 10.0
_MAX_BODY = 65_536

T = TypeVar("T")


class Decisions:
    """For administrators; each names a reason, and stands in the log with it and with who decided."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def on_post_adopt(self, req: falcon.Request, resp: falcon.Response, strategy: str, account: str) -> None:
        """Adopt an amount of a symbol at a price: 200 when it is done, 202 when nobody knows yet.

        The same `id` adopts once, however often it is sent within a day.
        """
        by = administrator(self._switchboard.catalogue(), req)
        link = link_named(self._switchboard.catalogue(), strategy, account)
        members = _members(req)
        amount = _needed(read_number(members, "amount", ""), "amount")
        if amount == ZERO:
            raise refusal("invalid_field", reason="not_zero", field="amount")
        wanted = Adoption(
            command_id=self._command_id(strategy_account_name(strategy, account), members),
            symbol=_needed(read_text(members, "symbol", ""), "symbol"),
            amount=amount,
            price=_needed(read_positive(members, "price", ""), "price"),
            by=by,
            why=_needed(read_text(members, "why", ""), "why"),
        )
        try:
            adopted = self._switchboard.adopt(strategy, account, wanted, timeout=_SECONDS)
        except AdoptionRefused as exc:
            raise refusal("operation_refused", why=str(exc)) from exc
        _answer(resp, adopted)
        resp.data = msgspec.json.encode(operated_reply(link, adopted if isinstance(adopted, Operated) else None))

    def on_post_resolve(
        self, req: falcon.Request, resp: falcon.Response, strategy: str, account: str, order_id: str
    ) -> None:
        """Decide what became of an order in doubt: 200 when that is written down, 202 when nobody knows yet."""
        by = administrator(self._switchboard.catalogue(), req)
        link = link_named(self._switchboard.catalogue(), strategy, account)
        members = _members(req)
        decision = _needed(read_text(members, "decision", ""), "decision")
        if decision not in set(Decision):
            raise refusal("invalid_field", reason="not_one_of", field="decision", choices=", ".join(Decision))
        command = ResolveDoubt(
            order_id=OrderId(order_id),
            decision=Decision(decision),
            by=by,
            why=_needed(read_text(members, "why", ""), "why"),
            exchange_order_id=read_text(members, "exchange_order_id", ""),
            unchecked=read_flag(members, "unchecked"),
        )
        name = strategy_account_name(strategy, account)
        resolved = self._switchboard.operate(name, command, timeout=_SECONDS)
        _answer(resp, resolved)
        resp.data = msgspec.json.encode(operated_reply(link, resolved if isinstance(resolved, Operated) else None))

    def _command_id(self, name: str, members: Members) -> SignalId:
        key = read_text(members, "id", "")
        return SignalId(self._switchboard.new_id() if key is None else uuid5(NAMESPACE_OID, f"adopt {name} {key}"))


def add_routes(app: falcon.App[falcon.Request, falcon.Response], switchboard: Switchboard) -> None:
    """Register both."""
    decisions = Decisions(switchboard)
    place = "/api/v1/strategy-accounts/{strategy}/{account}"
    app.add_route(f"{place}/adopt", decisions, suffix="adopt")
    app.add_route(f"{place}/orders/{{order_id}}/resolve", decisions, suffix="resolve")


def _members(req: falcon.Request) -> Members:
    raw = read_body(req, _MAX_BODY)
    return read_object(raw).members if raw.strip() else {}


def _needed(value: T | None, field: str) -> T:
    if value is None:
        raise refusal("missing_field", field=field)
    return value


def _answer(resp: falcon.Response, operated: Operated | Unavailable | None) -> None:
    if isinstance(operated, Unavailable):
        raise turned_away(operated)
    if operated is not None and not operated.done:
        raise refusal("operation_refused", why=operated.note)
    resp.status = falcon.HTTP_202 if operated is None else falcon.HTTP_200
