"""Who waits at a strategy account for what to end: the senders of signals, and operators."""

from msgspec import Struct

from orderwright.actors.env import Env
from orderwright.actors.messages import AccountReport, Address, AskId, Operated, SignalSettled
from orderwright.engine.ids import SignalId
from orderwright.engine.strategy_account.events import LiquidationEnded
from orderwright.engine.strategy_account.progress import Decided
from orderwright.engine.strategy_account.state import UNSETTLED, CancelOutcome, Run


class _Listener(Struct, frozen=True, kw_only=True):
    ask: AskId
    inbox: Address | None


class Listeners:
    """Tells each of them once. `name` is the strategy account's."""

    def __init__(self, env: Env, name: str) -> None:
        self._env = env
        self._name = name
        self._waiting: dict[SignalId, _Listener] = {}

    @property
    def are_none(self) -> bool:
        """Whether nobody waits."""
        return not self._waiting

    def add(self, cause: SignalId, ask: AskId, inbox: Address | None = None) -> None:
        """Let `ask` wait for the end of a signal that came from `inbox`, or of an operator's command."""
        self._waiting[cause] = _Listener(ask=ask, inbox=inbox)

    def discard(self, cause: SignalId) -> None:
        """Let nobody wait for it."""
        self._waiting.pop(cause, None)

    def tell(self, decided: Decided) -> None:
        """Tell of all that has ended."""
        for run in decided.ended:
            self.run_ended(run)
        for event in decided.events:
            if isinstance(event, LiquidationEnded):
                self.liquidation_ended(event)

    def run_ended(self, run: Run) -> None:
        """Tell of the end of a signal, or of an operator's cancel-all."""
        listener = self._waiting.pop(run.signal_id, None)
        if listener is None:
            return
        if listener.inbox is None:
            self._env.reply(listener.ask, _operated(self._name, run))
            return
        self._env.reply(listener.ask, AccountReport(account=self._name, results=tuple(leg.result for leg in run.legs)))
        self._env.tell(SignalSettled(account=self._name, sequence=run.sequence), listener.inbox)

    def liquidation_ended(self, event: LiquidationEnded) -> None:
        """Tell of a liquidation's end."""
        listener = self._waiting.pop(event.command_id, None)
        if listener is not None:
            done = not event.unclosed
            self._env.reply(listener.ask, Operated(account=self._name, done=done, changed=True, note=event.note))


def _operated(name: str, run: Run) -> Operated:
    outcomes = [outcome for leg in run.legs for outcome in leg.cancels.values()]
    return Operated(
        account=name,
        done=True,
        changed=bool(outcomes),
        cancelled=outcomes.count(CancelOutcome.CANCELLED),
        failed=outcomes.count(CancelOutcome.FAILED),
        in_doubt=sum(outcome in UNSETTLED for outcome in outcomes),
        note=" ".join(leg.result.error for leg in run.legs if leg.result.error),
    )
