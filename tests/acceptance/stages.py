"""At which stage a kill caught what was under way, told afterwards by the log, the wire and the senders' notes."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from tests.acceptance.ledger import Ledger
from tests.acceptance.senders import Webhook
from tests.acceptance.wire import Passage


class Stage(StrEnum):
    """Where something was when the engine died."""

    BEFORE_INTENT = "before the intent's commit"
    COMMITTED = "between commit and send"
    SENT = "between send and answer"
    ANSWERED = "between answer and its commit"
    RECOVERY = "during recovery"


class Kill(Struct, frozen=True, kw_only=True):
    """One SIGKILL: when (monotonic seconds), what the log's head was when that engine came up, and how far it was.

    `in_recovery`: the engine had taken the lease and had not yet said that it was ready.
    """

    at: float
    since_position: int
    since: float
    in_recovery: bool


def caught(kill: Kill, ledger: Ledger, passages: Iterable[Passage], webhooks: Iterable[Webhook]) -> Counter[Stage]:
    """Return how many webhooks, orders and cancels the kill caught at each stage.

    `ledger` is the log as the dead engine left it, once its database sessions had ended: a commit that was under way
    counts as done. Orders that earlier engines left behind are not counted again.
    """
    found: Counter[Stage] = Counter()
    if kill.in_recovery:
        found[Stage.RECOVERY] += 1
    sent = {(each.operation, each.client_order_id): each for each in passages if kill.since <= each.came <= kill.at}
    stored = ledger.by_key()
    for webhook in webhooks:
        if webhook.was_under_way(kill.at) and webhook.key not in stored:
            found[Stage.BEFORE_INTENT] += 1
    for signal in ledger.signals.values():
        if not signal.finished and signal.position > kill.since_position:
            found[Stage.BEFORE_INTENT] += len(list(signal.undecided()))
    for order_id, order in ledger.orders.items():
        if order.position > kill.since_position and not order.is_answered:
            found[_stage(sent.get(("place", order_id)), kill)] += 1
        if order.cancel_position > kill.since_position:
            found[_stage(sent.get(("cancel", order_id)), kill)] += 1
    return found


def _stage(passage: Passage | None, kill: Kill) -> Stage:
    if passage is None:
        return Stage.COMMITTED
    if passage.delivered is None or passage.delivered > kill.at:
        return Stage.SENT
    return Stage.ANSWERED


class Tally:
    """Kills by stage; a kill counts once for each stage at which it caught anything."""

    def __init__(self) -> None:
        self.kills: Counter[Stage] = Counter()
        self.things: Counter[Stage] = Counter()
        self.rounds = 0
        self.idle = 0

    def add(self, found: Counter[Stage]) -> None:
        self.rounds += 1
        self.idle += not found
        self.things.update(found)
        self.kills.update(found.keys())

    def table(self) -> str:
        lines = [f"{'stage':<32} {'kills':>6} {'webhooks, orders and cancels':>30}"]
        lines += [f"{stage:<32} {self.kills[stage]:>6} {self.things[stage]:>30}" for stage in Stage]
        return "\n".join([*lines, f"{self.rounds} kills, {self.idle} of them with nothing under way"])
