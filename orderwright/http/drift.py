"""`GET /api/v1/drift`: what the log says of each exchange account, beside what the exchange shows now."""

from typing import Final

import falcon
import msgspec

from orderwright.actors.drift import Drifts, sentence
from orderwright.actors.switchboard import Switchboard
from orderwright.engine.catalogue.events import Drift
from orderwright.engine.drift import AccountDrift, Holding, OddOrder
from orderwright.engine.money import plain
from orderwright.eventstore.store import EventStoreError
from orderwright.http.admission import administrator
from orderwright.http.problems import refusal
from orderwright.moments import to_iso

_MOST_NAMED: Final = 3


class DriftReport:
    """For administrators only; every exchange account is asked anew, which takes seconds where one does not answer."""

    def __init__(self, switchboard: Switchboard, drifts: Drifts) -> None:
        self._switchboard = switchboard
        self._drifts = drifts

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with every account, by name."""
        administrator(self._switchboard.catalogue(), req)
        try:
            found = self._drifts.look()
        except EventStoreError as exc:
            raise refusal("store_unavailable") from exc
        resp.data = msgspec.json.encode({"accounts": [_reply(drift) for drift in found]})


def no_drift(drifts: Drifts | None) -> Drift:
    """Return that there is no drift, after looking for it.

    Raises:
        HTTPError: there is some, or an account could not be compared; or there is nobody to look.
    """
    if drifts is None:
        raise refusal("drift_unexamined", why="nothing here can compare them")
    try:
        found = drifts.look()
    except EventStoreError as exc:
        raise refusal("store_unavailable") from exc
    open_questions = [f"{drift.account}: {sentence(drift)}" for drift in found if not drift.is_settled]
    if open_questions:
        more = f"; and {len(open_questions) - _MOST_NAMED} more accounts" if len(open_questions) > _MOST_NAMED else ""
        raise refusal("drift_unexamined", why="; ".join(open_questions[:_MOST_NAMED]) + more)
    return Drift.NONE


def _reply(drift: AccountDrift) -> dict[str, object]:
    return {
        "account_name": drift.account,
        "seen_at": to_iso(drift.seen_at),
        "problem": drift.problem or None,
        "drifted": drift.has_drifted,
        "settled": drift.is_settled,
        "holdings": [_holding(holding) for holding in drift.holdings],
        "orders": [_order(order) for order in drift.orders],
        "foreign_orders": drift.foreign_orders,
    }


def _holding(holding: Holding) -> dict[str, object]:
    return {
        "market_type": holding.market_type.value,
        "name": holding.name,
        "in_log": plain(holding.in_log),
        "at_exchange": plain(holding.at_exchange),
        "verdict": holding.verdict.value,
    }


def _order(order: OddOrder) -> dict[str, object]:
    return {
        "engine_order_id": order.order_id,
        "order_id": order.exchange_order_id,
        "symbol": order.symbol,
        "open_in": "exchange" if order.is_there else "log",
    }
