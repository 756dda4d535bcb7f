"""The shapes of successful webhook replies, and how results become them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final, TypeVar

from msgspec import UNSET, Struct, UnsetType

from orderwright.engine.money import plain
from orderwright.engine.strategy_account.results import LegResult, LegStatus
from orderwright.http.texts import NOTICE_TEXTS, Language, leg_sentence, sentence
from orderwright.http.webhook_body import Notice

PROCESSED: Final = "orders_processed"
WORKING: Final = "orders_working"

T = TypeVar("T")


class ResultReply(Struct, frozen=True, kw_only=True):
    """What came of one leg at one account; amounts are decimal text in base units."""

    account_name: str
    status: str
    order_id: str | None
    engine_order_id: str | None
    order_status: str | None
    symbol: str | None
    side: str | None
    order_type: str
    amount: str | None
    ref: str | None
    stop_price: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    cancelled_orders: int | UnsetType = UNSET
    failed_orders: int | UnsetType = UNSET


class Summary(Struct, frozen=True, kw_only=True):
    """The results, counted; a refusal counts as failed."""

    total_accounts: int
    successful_trades: int
    failed_trades: int
    in_doubt: int


class Timings(Struct, frozen=True, kw_only=True):
    """Where the time went, in milliseconds."""

    validation_time_ms: float
    preprocessing_time_ms: float
    trade_processing_time_ms: float
    total_processing_time_ms: float


class WebhookReply(Struct, frozen=True, kw_only=True):
    """The answer to a webhook that is stored; `status_url` is there while something is still working."""

    signal_id: str
    action: str
    strategy: str
    duplicate: bool
    results: list[ResultReply]
    summary: Summary
    warnings: list[str]
    performance_metrics: Timings
    status_url: str | UnsetType = UNSET


class Stopwatch:
    """Measures the stages of one webhook from `started` (monotonic seconds) on."""

    def __init__(self, started: float) -> None:
        self._marks = [started]

    def mark(self, at: float) -> None:
        """Note that a stage ended at this moment (monotonic seconds): validation, preprocessing, then trading."""
        self._marks.append(at)

    def timings(self) -> Timings:
        """Return the stages' lengths; a stage that was not reached took no time."""
        marks = [*self._marks, *[self._marks[-1]] * (4 - len(self._marks))]
        validation, preprocessing, trading = (_milliseconds(later - earlier) for earlier, later in pairwise(marks))
        return Timings(
            validation_time_ms=validation,
            preprocessing_time_ms=preprocessing,
            trade_processing_time_ms=trading,
            total_processing_time_ms=_milliseconds(marks[3] - marks[0]),
        )


def declared_account(strategy_account: str) -> str:
    """Return the account's name as declared, from the name of a strategy account."""
    return strategy_account.rpartition("@")[2]


def result_reply(account_name: str, result: LegResult, language: Language) -> ResultReply:
    """Return one leg's result as it is sent."""
    error = leg_sentence(result.code, result.error, language)
    return ResultReply(
        account_name=account_name,
        status=result.status.value,
        order_id=result.order_id,
        engine_order_id=result.engine_order_id,
        order_status=None if result.order_status is None else result.order_status.value,
        symbol=result.symbol,
        side=None if result.side is None else result.side.value,
        order_type=result.order_type.value,
        amount=_decimal(result.amount),
        ref=result.ref,
        stop_price=_or_unset(_decimal(result.stop_price)),
        code=_or_unset(result.code),
        error=_or_unset(error),
        cancelled_orders=_or_unset(result.cancelled_orders),
        failed_orders=_or_unset(result.failed_orders),
    )


def summary(accounts: int, results: Iterable[LegResult]) -> Summary:
    """Return the counts for results at that many accounts."""
    counts = dict.fromkeys(LegStatus, 0)
    for result in results:
        counts[result.status] += 1
    return Summary(
        total_accounts=accounts,
        successful_trades=counts[LegStatus.SUCCESS],
        failed_trades=counts[LegStatus.FAILED] + counts[LegStatus.REFUSED],
        in_doubt=counts[LegStatus.IN_DOUBT],
    )


def warnings(notices: Sequence[Notice], language: Language) -> list[str]:
    """Return the sentences of the notices."""
    return [sentence(NOTICE_TEXTS, notice.reason, notice.details, language) for notice in notices]


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _or_unset(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1_000, 3)
