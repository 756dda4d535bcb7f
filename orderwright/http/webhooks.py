"""`POST /api/webhook` and `POST /webhook/{token}`: a message becomes a stored signal, and its sender hears of it."""

import falcon
import msgspec
from msgspec import UNSET, Struct

from orderwright.actors.asks import Ask
from orderwright.actors.messages import (
    AccountReport,
    AskId,
    Overloaded,
    SignalDuplicate,
    SignalIdReused,
    SubmitSignal,
)
from orderwright.actors.switchboard import Switchboard
from orderwright.clock import monotonic
from orderwright.config.schema import Config
from orderwright.engine.ids import SignalId
from orderwright.engine.signals import Signal
from orderwright.engine.strategy_account.results import LegResult, unanswered
from orderwright.eventstore.store import StoreUnavailable
from orderwright.http.admission import Admission, Admissions
from orderwright.http.bodies import read_body
from orderwright.http.capacity import Capacity
from orderwright.http.problems import Problem, RequestRefused, refusal
from orderwright.http.replies import (
    PROCESSED,
    WORKING,
    Stopwatch,
    WebhookReply,
    declared_account,
    result_reply,
    summary,
    warnings,
)
from orderwright.http.texts import Language, chosen_language
from orderwright.http.webhook_body import Notice, ParsedWebhook, parse_webhook
from orderwright.moments import SECOND
from orderwright.readmodels.signal_story import is_expired, tell

Results = dict[str, tuple[LegResult, ...]]


def status_url(signal_id: SignalId) -> str:
    """Return where a signal's life can be read."""
    return f"/api/signals/{signal_id}"


class _Webhook(Struct, frozen=True, kw_only=True):
    """One admitted message on its way to becoming a signal."""

    signal: Signal
    admission: Admission
    message: ParsedWebhook
    watch: Stopwatch
    language: Language


class Webhooks:
    """The resource behind both addresses."""

    def __init__(self, switchboard: Switchboard, config: Config, capacity: Capacity) -> None:
        self._switchboard = switchboard
        self._capacity = capacity
        self._wait = config.http.webhook_wait / SECOND
        self._max_body = config.http.max_body_bytes
        self._locale = config.locale
        self._admissions = Admissions()

    def on_post(self, req: falcon.Request, resp: falcon.Response, token: str | None = None) -> None:
        """Take a webhook; `token` is the one in the path."""
        webhook = self._admitted(req, token)
        req.context.signal_id = webhook.signal.signal_id
        with self._switchboard.submit(lambda ask: _submission(webhook, ask)) as ask:
            req.context.ask = ask
            webhook.watch.mark(monotonic())
            self._await(ask)
            webhook.watch.mark(monotonic())
            self._answer(resp, webhook, ask)

    def _admitted(self, req: falcon.Request, path_token: str | None) -> _Webhook:
        watch = Stopwatch(monotonic())
        if self._capacity.is_closing:
            raise refusal("shutting_down")
        if self._capacity.is_late:
            raise refusal("overloaded")
        now = self._switchboard.now()
        message = parse_webhook(read_body(req, self._max_body), now=now)
        if isinstance(message, Problem):
            raise RequestRefused(message)
        admission = self._admissions.of_webhook(self._switchboard.catalogue(), message, path_token=path_token)
        watch.mark(monotonic())
        signal = Signal(
            signal_id=SignalId(self._switchboard.new_id()),
            strategy=admission.strategy,
            holder=admission.holder,
            received_at=now,
            instructions=message.instructions,
            sent_at=message.sent_at,
        )
        language = chosen_language(req.get_header("Accept-Language"), self._locale)
        return _Webhook(signal=signal, admission=admission, message=message, watch=watch, language=language)

    def _await(self, ask: Ask) -> None:
        # A hanging exchange must never keep the next alert from being stored, so nobody waits on the last threads.
        if self._capacity.is_scarce:
            ask.wait_stored(self._wait)
        else:
            ask.wait(self._wait)

    def _answer(self, resp: falcon.Response, webhook: _Webhook, ask: Ask) -> None:
        verdict = ask.verdict
        if isinstance(verdict, SignalDuplicate):
            self._answer_duplicate(resp, webhook, verdict.signal_id)
        elif isinstance(verdict, SignalIdReused):
            raise refusal("id_reused", field="id")
        elif not ask.stored:
            raise refusal("overloaded" if isinstance(verdict, Overloaded) else "not_stored")
        else:
            self._answer_stored(resp, webhook, ask)

    def _answer_stored(self, resp: falcon.Response, webhook: _Webhook, ask: Ask) -> None:
        signal = webhook.signal
        reported = {reply.account: reply.results for reply in ask.replies if isinstance(reply, AccountReport)}
        if any(len(results) != len(signal.instructions) for results in reported.values()):
            reported |= self._results_from_log(signal.signal_id) or {}
        nothing_yet = tuple(unanswered(instruction) for instruction in signal.instructions)
        results = {name: reported.get(name, nothing_yet) for name in webhook.admission.recipients}
        if is_expired(results.values()):
            raise refusal("signal_expired", extra={"signal_id": str(signal.signal_id)})
        reply = _reply(webhook, results, signal_id=signal.signal_id)
        if reply.status_url is not UNSET:
            resp.status = falcon.HTTP_202
            resp.location = reply.status_url
        resp.data = msgspec.json.encode(reply)

    def _answer_duplicate(self, resp: falcon.Response, webhook: _Webhook, first: SignalId) -> None:
        results = self._results_from_log(first)
        seen = {name: legs for name, legs in (results or {}).items() if webhook.admission.may_see(name)}
        notices = () if results is not None else (Notice(reason="results_unavailable"),)
        resp.data = msgspec.json.encode(_reply(webhook, seen, signal_id=first, duplicate=True, notices=notices))

    def _results_from_log(self, signal_id: SignalId) -> Results | None:
        try:
            story = tell(self._switchboard.signal_events(signal_id))
        except StoreUnavailable:
            return None
        return None if story is None else {account.account: account.results for account in story.accounts}


def _submission(webhook: _Webhook, ask: AskId) -> SubmitSignal:
    return SubmitSignal(
        signal=webhook.signal,
        recipients=webhook.admission.recipients,
        key=webhook.message.key,
        body_hash=webhook.message.body_hash,
        dedupe_window=webhook.admission.dedupe_window,
        ask=ask,
    )


def _reply(
    webhook: _Webhook,
    results: Results,
    *,
    signal_id: SignalId,
    duplicate: bool = False,
    notices: tuple[Notice, ...] = (),
) -> WebhookReply:
    legs = [result for account in results.values() for result in account]
    is_working = bool(notices) or not all(result.is_answered for result in legs)
    return WebhookReply(
        signal_id=str(signal_id),
        action=WORKING if is_working else PROCESSED,
        strategy=webhook.signal.strategy,
        duplicate=duplicate,
        results=[
            result_reply(declared_account(name), result, webhook.language)
            for name, account in results.items()
            for result in account
        ],
        summary=summary(len(results), legs),
        warnings=warnings((*webhook.message.notices, *notices), webhook.language),
        performance_metrics=webhook.watch.timings(),
        status_url=status_url(signal_id) if is_working else UNSET,
    )
