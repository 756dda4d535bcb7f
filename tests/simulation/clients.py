"""Those outside: senders who send again as TradingView does, operators who insist, and prices that move."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from orderwright.actors.messages import (
    AccountReport,
    Operate,
    Operated,
    OperatorCommand,
    Reply,
    SignalDuplicate,
    SignalIdReused,
    SignalStored,
    SubmitSignal,
    inbox_name,
    strategy_account_name,
)
from orderwright.engine.ids import SignalId
from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.signals import Signal
from orderwright.engine.strategy_account.commands import (
    AdoptPosition,
    CancelOrders,
    LiquidatePositions,
    PauseTrading,
    ResolveDoubt,
    ResumeTrading,
)
from orderwright.engine.strategy_account.events import Decision
from orderwright.moments import SECOND, Micros
from tests.simulation.evidence import Promise, Report
from tests.simulation.forgetting import Forgetting
from tests.simulation.life import Desk, Life
from tests.simulation.scenario import BTC, Delist, Forget, Move, Operation, Scenario, Webhook, Wish
from tests.simulation.sim_exchange import SimExchange
from tests.simulation.world import START, World

_WEBHOOK_WAIT = 2 * SECOND
_SENDS_AGAIN_AFTER = 5 * SECOND
_MOST_SENDS = 4
_OPERATOR_WAIT = 15 * SECOND
_FOR_EVER = Micros(2**62)


class Errand:
    """Something that somebody wants done; `tries` so far."""

    def __init__(self) -> None:
        self.tries = 0
        self.command_id: SignalId | None = None
        self.is_done = False


class Clients:
    """Acts out a scenario's script against whichever life of the engine is running."""

    def __init__(
        self,
        *,
        world: World,
        exchange: SimExchange,
        desk: Desk,
        engine: Callable[[], Life | None],
        scenario: Scenario,
        forgetting: Forgetting,
    ) -> None:
        self._world = world
        self._exchange = exchange
        self._desk = desk
        self._engine = engine
        self._scenario = scenario
        self._forgetting = forgetting
        self._recipients = {
            strategy: tuple(
                strategy_account_name(strategy, account) for by, account in scenario.links if by == strategy
            )
            for strategy, _account in scenario.links
        }
        self._unfinished = len(scenario.script)
        self.last_moment = START
        self.stored: list[Promise] = []
        self.reports: list[Report] = []
        self.pauses: list[tuple[int, int, str]] = []
        self._resumed: set[str] = set()
        for item in scenario.script:
            self._plan(item)

    @property
    def are_done(self) -> bool:
        """Whether nobody wants anything any more."""
        return self._unfinished == 0

    def _plan(self, item: Webhook | Operation | Move | Forget | Delist) -> None:
        jitter = self._world.rng.randrange(self._scenario.jitter) if self._scenario.jitter else 0
        errand = Errand()
        match item:
            case Webhook():
                act: Callable[[], None] = lambda: self._send(item, errand)  # noqa: E731 -- one name, three actions
            case Operation():
                act = lambda: self._operate(item, errand)  # noqa: E731
            case Move():
                act = lambda: self._move(item, errand)  # noqa: E731
            case Forget():
                act = lambda: self._forget(item, errand)  # noqa: E731
            case Delist():
                act = lambda: self._delist(item, errand)  # noqa: E731
        self._world.at(START + item.at + jitter, act)

    def _done(self, errand: Errand) -> None:
        if not errand.is_done:
            errand.is_done = True
            self._unfinished -= 1
            self.last_moment = self._world.now()

    def _move(self, item: Move, errand: Errand) -> None:
        if self._world.is_traced:
            self._world.note("price", f"{item.symbol} {item.price}")
        self._exchange.set_price(item.symbol, item.price)
        self._done(errand)

    def _forget(self, item: Forget, errand: Errand) -> None:
        self._forgetting.now(self._exchange.orders.values(), item.lasts)
        self._done(errand)

    def _delist(self, item: Delist, errand: Errand) -> None:
        self._exchange.delist(item.symbol)
        life = self._engine()
        if life is not None:
            for _strategy, account in self._scenario.links:
                life.env.board.forget_markets(account)
        self._done(errand)

    def _send(self, item: Webhook, errand: Errand) -> None:
        if errand.is_done:
            return
        errand.tries += 1
        if self._world.is_traced:
            self._world.note("webhook", f"{item.body}, time {errand.tries}")
        life = self._engine()
        if life is not None:
            self._submit(life, item, errand)
        wait = _WEBHOOK_WAIT + _SENDS_AGAIN_AFTER
        if errand.tries < _MOST_SENDS:
            self._world.at(self._world.now() + wait, lambda: self._send(item, errand))
        else:
            self._world.at(self._world.now() + wait, lambda: self._done(errand))

    def _submit(self, life: Life, item: Webhook, errand: Errand) -> None:
        signal = Signal(
            signal_id=SignalId(self._new_id()),
            strategy=item.strategy,
            holder="owner",
            received_at=life.env.now(),
            instructions=item.orders,
        )
        recipients = self._recipients.get(item.strategy, ())
        message = SubmitSignal(
            signal=signal,
            recipients=recipients,
            key=item.key,
            body_hash=item.body,
            dedupe_window=item.dedupe_window,
            ask=self._desk.open(lambda reply: self._heard(signal.signal_id, reply, errand)),
        )
        life.send(message, inbox_name(item.strategy))

    def _heard(self, signal_id: SignalId, reply: Reply, errand: Errand) -> None:
        match reply:
            case SignalStored() | SignalDuplicate() | SignalIdReused():
                if isinstance(reply, SignalStored | SignalDuplicate):
                    self.stored.append(Promise(self._world.step, reply.signal_id))
                self._done(errand)
            case AccountReport() if reply.results:
                self.stored.append(Promise(self._world.step, signal_id))
                self.reports.append(Report(reply.account, reply.results))
                self._done(errand)

    def _operate(self, item: Operation, errand: Errand) -> None:
        if errand.is_done:
            return
        if self._world.is_traced:
            self._world.note("operator", f"{item.wish} {item.strategy}@{item.account}")
        life = self._engine()
        if life is not None:
            self._command(life, item, errand)
        self._world.at(self._world.now() + _OPERATOR_WAIT, lambda: self._operate(item, errand))

    def _command(self, life: Life, item: Operation, errand: Errand) -> None:
        name = strategy_account_name(item.strategy, item.account)
        if item.wish is Wish.PAUSE:
            life.env.gate.hold(name)
        if item.wish is Wish.RESUME:
            self._resumed.add(name)
            self.pauses = [(since, min(until, self._world.now()), of) for since, until, of in self.pauses]
        command_id = self._new_id()
        command = self._wanted(item, errand, life, SignalId(command_id))
        if command is None:
            self._done(errand)
            return
        operate = Operate(
            command_id=command_id,
            command=command,
            ask=self._desk.open(lambda reply: self._operated(name, item, reply, errand)),
        )
        life.send(operate, name)

    def _operated(self, name: str, item: Operation, reply: Reply, errand: Errand) -> None:
        if not isinstance(reply, Operated):
            return
        if item.wish is Wish.RESOLVE and not errand.is_done and reply.changed:
            self._world.at(self._world.now() + SECOND, lambda: self._operate(item, errand))
            return
        if item.wish is Wish.PAUSE and not errand.is_done and name not in self._resumed:
            self.pauses.append((self._world.now(), _FOR_EVER, name))
        self._done(errand)

    def _wanted(self, item: Operation, errand: Errand, life: Life, command_id: SignalId) -> OperatorCommand | None:
        if item.wish is Wish.RESOLVE:
            return self._decision(item, life)
        if item.wish is not Wish.ADOPT:
            return _command(item.wish, command_id)
        errand.command_id = errand.command_id or command_id
        held = self._scenario.held[item.account, BTC]
        return AdoptPosition(
            command_id=errand.command_id,
            symbol=BTC,
            base="BTC",
            quote="USDT",
            amount=held,
            price=Decimal(50_000),
            unowned=held,
            by="operator",
            why="bought by hand",
        )

    def _decision(self, item: Operation, life: Life) -> ResolveDoubt | None:
        # The operator looks into the exchange's own books, when nothing can be on its way any more.
        latest = life.env.now() - self._exchange.traits.lag
        name = strategy_account_name(item.strategy, item.account)
        for order in life.unfinished(name):
            if order.has_vanished and (ended := self._ended_by_hand(order)):
                return ended
            if not order.placement_in_doubt or order.valid_until >= latest:
                continue
            there = next((one for one in self._exchange.orders.values() if one.client_order_id == order.order_id), None)
            return ResolveDoubt(
                order_id=order.order_id,
                decision=Decision.NEVER_PLACED if there is None else Decision.PLACED,
                exchange_order_id=None if there is None else there.exchange_order_id,
                by="operator",
                why="looked at their page",
            )
        return None

    def _ended_by_hand(self, order: Order) -> ResolveDoubt | None:
        there = next(one for one in self._exchange.orders.values() if one.client_order_id == order.order_id)
        if there.filled != order.filled:
            # To say so would lose fills: this one waits for the exchange to remember.
            return None
        there.status = OrderStatus.CANCELLED
        return ResolveDoubt(order_id=order.order_id, decision=Decision.CANCELLED, by="operator", why="ended by hand")

    def _new_id(self) -> UUID:
        return UUID(int=self._world.rng.getrandbits(128))


def _command(wish: Wish, command_id: SignalId) -> PauseTrading | ResumeTrading | CancelOrders | LiquidatePositions:
    match wish:
        case Wish.PAUSE:
            return PauseTrading(by="operator", why="to see")
        case Wish.RESUME:
            return ResumeTrading(by="operator", why="seen")
        case Wish.CANCEL_ALL:
            return CancelOrders(command_id=command_id, by="operator", why="enough")
        case _:
            return LiquidatePositions(command_id=command_id, by="operator", why="enough")
