"""What an operator does about the engine itself: the kill switch, quarantine, alarms, exchange accounts."""

import logging
from collections.abc import Sequence
from typing import Final

import falcon
import msgspec

from orderwright.actors.alarms import Alarm, AlarmKind
from orderwright.actors.catalogue_desk import CatalogueRefused
from orderwright.actors.drift import Drifts
from orderwright.actors.gate import Scope
from orderwright.actors.kill_switch import HaltNotStored, HaltReport
from orderwright.actors.messages import Operated, exchange_account_name, inbox_name, strategy_account_name
from orderwright.actors.noticeboard import ExchangeCondition
from orderwright.actors.switchboard import OperatorCommand, Switchboard
from orderwright.engine.catalogue.events import Drift, HaltScope
from orderwright.engine.catalogue.state import Halt
from orderwright.engine.ids import SignalId
from orderwright.engine.money import plain
from orderwright.engine.strategy_account.commands import CancelOrders, LiquidatePositions
from orderwright.eventstore.store import EventStoreError
from orderwright.http.admission import administrator
from orderwright.http.bodies import read_body
from orderwright.http.drift import no_drift
from orderwright.http.json_text import read_object
from orderwright.http.problems import refusal
from orderwright.http.webhook_fields import Members, read_flag, read_text
from orderwright.moments import to_iso

logger = logging.getLogger(__name__)

_HALT_SECONDS: Final = 12.0
_OPERATE_SECONDS: Final = 10.0
_REVIVE_SECONDS: Final = 10.0
_MAX_BODY: Final = 65_536


class Halts:
    """`GET /api/v1/halts`, `POST /api/v1/halt` and `/api/v1/resume`; for administrators only."""

    def __init__(self, switchboard: Switchboard, drifts: Drifts | None) -> None:
        self._switchboard = switchboard
        self._drifts = drifts

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with what is halted."""
        administrator(self._switchboard.catalogue(), req)
        halts = self._switchboard.catalogue().halts.values()
        resp.data = msgspec.json.encode({"halts": [_halt_reply(halt) for halt in sorted(halts, key=_since)]})

    def on_post_halt(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let nothing more leave; then cancel, or liquidate, if that is wanted.

        200: all that had left was answered, or is in doubt and listed. 202: some of it was not answered yet.
        """
        by = administrator(self._switchboard.catalogue(), req)
        members = _members(req)
        scope, why = _scope(members), read_text(members, "why", "") or ""
        cancel, liquidate = read_flag(members, "cancel"), read_flag(members, "liquidate")
        try:
            report = self._switchboard.halt(scope, by=by, why=why, timeout=_HALT_SECONDS)
        except CatalogueRefused as exc:
            raise refusal("invalid_field", reason="halt_refused", field="name", why=str(exc)) from exc
        except HaltNotStored as exc:
            raise refusal("halt_not_stored") from exc
        body: dict[str, object] = {"scope": scope[0], "name": scope[1] or None, **_report(report)}
        if cancel or liquidate:
            body["strategy_accounts"] = self._carry_out(scope, by, why, liquidate=liquidate)
        resp.status = falcon.HTTP_200 if report.is_complete else falcon.HTTP_202
        resp.data = msgspec.json.encode(body)

    def on_post_resume(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let orders leave again; after a restore only when log and exchanges agree, or with `accept_drift`."""
        by = administrator(self._switchboard.catalogue(), req)
        members = _members(req)
        scope, why = _scope(members), read_text(members, "why", "") or ""
        drift = self._drift(scope, is_accepted=read_flag(members, "accept_drift"))
        try:
            self._switchboard.lift_halt(scope, by=by, why=why, drift=drift)
        except CatalogueRefused as exc:
            raise refusal("invalid_field", reason="halt_refused", field="name", why=str(exc)) from exc
        except EventStoreError as exc:
            raise refusal("store_unavailable") from exc
        self.on_get(req, resp)

    def _drift(self, scope: Scope, *, is_accepted: bool) -> Drift:
        halt = self._switchboard.catalogue().halts.get(scope)
        if halt is None or not halt.until_examined:
            return Drift.UNEXAMINED
        return Drift.ACCEPTED if is_accepted else no_drift(self._drifts)

    def _carry_out(self, scope: Scope, by: str, why: str, *, liquidate: bool) -> list[dict[str, object]]:
        def command(_name: str) -> OperatorCommand:
            command_id = SignalId(self._switchboard.new_id())
            if liquidate:
                return LiquidatePositions(command_id=command_id, by=by, why=why)
            return CancelOrders(command_id=command_id, by=by, why=why)

        # Who rests has no orders, but may hold something.
        answers = self._switchboard.operate_within(scope, command, wake=liquidate, timeout=_OPERATE_SECONDS)
        return [
            {"account": name, "done": isinstance(answer, Operated) and answer.done} for name, answer in answers.items()
        ]


class Revivals:
    """`POST .../revive`: lets a strategy account, a strategy's inbox or an exchange account out of quarantine."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def on_post_strategy_account(self, req: falcon.Request, resp: falcon.Response, strategy: str, account: str) -> None:
        """Revive a strategy account: 200 when it takes commands again, 202 while it is being rebuilt."""
        by = administrator(self._switchboard.catalogue(), req)
        if self._switchboard.catalogue().link(strategy, account) is None:
            raise refusal("strategy_account_not_found")
        self._revive(resp, strategy_account_name(strategy, account), by)

    def on_post_strategy(self, req: falcon.Request, resp: falcon.Response, strategy: str) -> None:
        """Revive a strategy's inbox."""
        by = administrator(self._switchboard.catalogue(), req)
        if strategy not in self._switchboard.catalogue().strategies:
            raise refusal("strategy_not_found")
        self._revive(resp, inbox_name(strategy), by)

    def on_post_account(self, req: falcon.Request, resp: falcon.Response, account: str) -> None:
        """Revive an exchange account."""
        by = administrator(self._switchboard.catalogue(), req)
        if account not in self._switchboard.catalogue().accounts:
            raise refusal("not_found")
        self._revive(resp, exchange_account_name(account), by)

    def _revive(self, resp: falcon.Response, actor: str, by: str) -> None:
        logger.warning("%s revives %s", by, actor)
        is_ready = self._switchboard.revive(actor, timeout=_REVIVE_SECONDS)
        resp.status = falcon.HTTP_200 if is_ready else falcon.HTTP_202
        resp.data = msgspec.json.encode({"actor": actor, "done": is_ready})


class AlarmList:
    """`GET /api/v1/alarms`, and `POST /api/v1/alarms/clear` for what a person has dealt with; for administrators."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with the alarms, those that are on first."""
        administrator(self._switchboard.catalogue(), req)
        resp.data = msgspec.json.encode(
            {"alarms": [_alarm_reply(alarm) for alarm in self._switchboard.alarms.listed()]}
        )

    def on_post_clear(self, req: falcon.Request, resp: falcon.Response) -> None:
        """End an alarm by its kind and what it is about; what causes it may ring again."""
        by = administrator(self._switchboard.catalogue(), req)
        members = _members(req)
        kind, what = _choice(members, "kind", tuple(AlarmKind)), read_text(members, "what", "")
        if what is None:
            raise refusal("missing_field", field="what")
        logger.warning("%s clears the alarm %s of %s", by, kind, what)
        is_cleared = self._switchboard.alarms.clear(AlarmKind(kind), what)
        resp.data = msgspec.json.encode({"cleared": is_cleared})


class ExchangeAccounts:
    """`GET /api/v1/exchange-accounts`: whether each is reached, who is exposed in what, what is not ours there."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with all of them; for administrators."""
        administrator(self._switchboard.catalogue(), req)
        conditions = self._switchboard.exchange_accounts()
        resp.data = msgspec.json.encode({"exchange_accounts": [self._reply(condition) for condition in conditions]})

    def _reply(self, condition: ExchangeCondition) -> dict[str, object]:
        return {
            "account_name": condition.account,
            "condition": _reached(condition),
            "why": condition.trouble,
            "since": to_iso(condition.since),
            "exposed": self._switchboard.exposures(condition.account),
            "foreign_orders": [
                {
                    "order_id": order.exchange_order_id,
                    "client_order_id": order.client_order_id,
                    "symbol": order.symbol,
                    "side": order.side.value,
                    "amount": plain(order.amount),
                }
                for order in condition.foreign
            ],
        }


def _reached(condition: ExchangeCondition) -> str:
    if condition.trouble:
        return "unreachable"
    return "connected" if condition.is_connected else "connecting"


def add_routes(
    app: falcon.App[falcon.Request, falcon.Response], switchboard: Switchboard, drifts: Drifts | None
) -> None:
    """Register all of these."""
    halts, revivals, alarms = Halts(switchboard, drifts), Revivals(switchboard), AlarmList(switchboard)
    app.add_route("/api/v1/halts", halts)
    app.add_route("/api/v1/halt", halts, suffix="halt")
    app.add_route("/api/v1/resume", halts, suffix="resume")
    app.add_route("/api/v1/strategy-accounts/{strategy}/{account}/revive", revivals, suffix="strategy_account")
    app.add_route("/api/v1/strategies/{strategy}/revive", revivals, suffix="strategy")
    app.add_route("/api/v1/exchange-accounts", ExchangeAccounts(switchboard))
    app.add_route("/api/v1/exchange-accounts/{account}/revive", revivals, suffix="account")
    app.add_route("/api/v1/alarms", alarms)
    app.add_route("/api/v1/alarms/clear", alarms, suffix="clear")


def _members(req: falcon.Request) -> Members:
    raw = read_body(req, _MAX_BODY)
    return read_object(raw).members if raw.strip() else {}


def _scope(members: Members) -> Scope:
    kind = HaltScope(_choice(members, "scope", tuple(HaltScope), default=HaltScope.EVERYTHING))
    name = read_text(members, "name", "") or ""
    if kind is not HaltScope.EVERYTHING and not name:
        raise refusal("missing_field", field="name")
    return kind, name


def _choice(members: Members, field: str, choices: Sequence[str], default: str | None = None) -> str:
    text = read_text(members, field, "") or default
    if text is None:
        raise refusal("missing_field", field=field)
    if text not in choices:
        raise refusal("invalid_field", reason="not_one_of", field=field, choices=", ".join(choices))
    return text


def _report(report: HaltReport) -> dict[str, object]:
    return {
        "done": report.is_complete,
        "on_the_wire": report.on_the_wire,
        "in_doubt": report.in_doubt,
        "unanswered": report.unanswered,
        "liquidating": report.liquidating,
    }


def _since(halt: Halt) -> int:
    return halt.at


def _halt_reply(halt: Halt) -> dict[str, object]:
    return {
        "scope": halt.scope.value,
        "name": halt.name or None,
        "by": halt.by,
        "why": halt.why,
        "since": to_iso(halt.at),
        "until_examined": halt.until_examined,
        "written": halt.is_written,
    }


def _alarm_reply(alarm: Alarm) -> dict[str, object]:
    return {
        "kind": alarm.kind.value,
        "what": alarm.what,
        "why": alarm.why,
        "since": to_iso(alarm.since),
        "last": to_iso(alarm.last),
        "count": alarm.count,
        "cleared": None if alarm.cleared is None else to_iso(alarm.cleared),
    }
