"""`GET /api/signals/{id}`: a signal's whole life, for those who may see it."""

from uuid import UUID

import falcon
import msgspec
from msgspec import UNSET, Struct, UnsetType

from orderwright.actors.switchboard import Switchboard
from orderwright.auth.tokens import token_hash
from orderwright.eventstore.store import EventStoreError
from orderwright.http.admission import Admissions, bearer_token
from orderwright.http.problems import refusal
from orderwright.http.replies import ResultReply, Summary, declared_account, result_reply, summary
from orderwright.http.texts import Language, chosen_language
from orderwright.moments import Micros, to_iso
from orderwright.readmodels.signal_story import AccountStory, SignalStory, Step, tell


class AccountReply(Struct, frozen=True, kw_only=True):
    """When a signal reached an account, and when it had ended there (ISO 8601)."""

    account_name: str
    routed_at: str | None
    ended_at: str | None


class StepReply(Struct, frozen=True, kw_only=True):
    """One thing that happened in a signal's life; `at` in ISO 8601."""

    at: str
    what: str
    detail: str
    account_name: str | UnsetType = UNSET
    engine_order_id: str | UnsetType = UNSET


class SignalReply(Struct, frozen=True, kw_only=True):
    """A signal as shown later; `status` is stored, working, done or expired."""

    signal_id: str
    strategy: str
    status: str
    received_at: str
    stored_at: str
    sent_at: str | None
    finished_at: str | None
    results: list[ResultReply]
    summary: Summary
    accounts: list[AccountReply]
    steps: list[StepReply]


class Signals:
    """Shows signals to administrators, to the strategy's owner, and to subscribers as far as their own accounts go.

    The caller shows an administrator's or a webhook token as `Authorization: Bearer`; never in the address, since
    addresses end up in logs.
    """

    def __init__(self, switchboard: Switchboard, locale: Language) -> None:
        self._switchboard = switchboard
        self._locale = locale
        self._admissions = Admissions()

    def on_get(self, req: falcon.Request, resp: falcon.Response, signal_id: UUID) -> None:
        """Answer with the signal; one that the caller may not see does not exist for the caller."""
        token = bearer_token(req)
        catalogue = self._switchboard.catalogue()
        is_admin = catalogue.administrator(token_hash(token)) is not None
        if not is_admin and token_hash(token) not in catalogue.webhook_tokens:
            raise refusal("unauthorized")
        try:
            story = tell(self._switchboard.signal_events(signal_id))
        except EventStoreError as exc:
            raise refusal("store_unavailable") from exc
        if story is not None and not is_admin:
            story = self._visible(story, token)
        if story is None:
            raise refusal("signal_not_found")
        resp.data = msgspec.json.encode(_reply(story, chosen_language(req.get_header("Accept-Language"), self._locale)))

    def _visible(self, story: SignalStory, token: str) -> SignalStory | None:
        catalogue = self._switchboard.catalogue()
        admission = self._admissions.of_reader(catalogue, token, strategy=story.signal.strategy)
        if admission is None:
            return None
        seen = story.only(admission.may_see)
        return seen if seen.accounts else None


def _reply(story: SignalStory, language: Language) -> SignalReply:
    results = [(account.account, result) for account in story.accounts for result in account.results]
    return SignalReply(
        signal_id=str(story.signal.signal_id),
        strategy=story.signal.strategy,
        status=story.condition,
        received_at=to_iso(story.signal.received_at),
        stored_at=to_iso(story.stored_at),
        sent_at=_iso(story.signal.sent_at),
        finished_at=_iso(story.finished_at),
        results=[result_reply(declared_account(account), result, language) for account, result in results],
        summary=summary(len(story.accounts), (result for _account, result in results)),
        accounts=[_account_reply(account) for account in story.accounts],
        steps=[_step_reply(step) for step in story.steps],
    )


def _account_reply(account: AccountStory) -> AccountReply:
    return AccountReply(
        account_name=declared_account(account.account),
        routed_at=_iso(account.routed_at),
        ended_at=_iso(account.ended_at),
    )


def _step_reply(step: Step) -> StepReply:
    return StepReply(
        at=to_iso(step.at),
        what=step.what,
        detail=step.detail,
        account_name=UNSET if step.account is None else declared_account(step.account),
        engine_order_id=UNSET if step.order_id is None else step.order_id,
    )


def _iso(moment: Micros | None) -> str | None:
    return None if moment is None else to_iso(moment)
