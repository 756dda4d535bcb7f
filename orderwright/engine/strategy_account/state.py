"""The state of a strategy account: all that its decisions rest on, folded from its events."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from itertools import chain

from msgspec import Struct

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.instruments import Instrument, Instruments, Quote
from orderwright.engine.money import ZERO, add, subtract
from orderwright.engine.orders import Order, Purpose
from orderwright.engine.positions import Position
from orderwright.engine.signals import Instruction, Side
from orderwright.engine.strategy_account.events import Terms
from orderwright.engine.strategy_account.results import LegResult
from orderwright.engine.traits import Traits
from orderwright.moments import SECOND, Micros


class CancelOutcome(StrEnum):
    """What came of cancelling one order for a leg."""

    AWAITED = "awaited"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


UNSETTLED = frozenset({CancelOutcome.POSTPONED, CancelOutcome.IN_DOUBT})
"""Outcomes that are none yet: a leg waits for what becomes of them for as long as a call may take."""


class Leg(Struct, frozen=True, kw_only=True):
    """An instruction on its way; `cancels` are the orders it cancels, which was asked for at `cancels_at`.

    `said` is what the exchange said at last to a cancel that it did not carry out. `refreshed_from` is when it began to
    be asked about the orders that a close must know of.
    """

    instruction: Instruction
    result: LegResult
    cancels: dict[OrderId, CancelOutcome] = {}
    cancels_at: Micros = Micros(0)
    said: str = ""
    refreshed_from: Micros = Micros(0)

    @property
    def is_waiting(self) -> bool:
        """Whether nothing has been decided for this leg yet."""
        return not self.result.is_answered and self.result.engine_order_id is None and not self.cancels


class Run(Struct, frozen=True, kw_only=True):
    """A signal, or an operator's cancel-all, on its way; legs in the sender's order."""

    signal_id: SignalId
    sequence: int
    born_at: Micros
    legs: tuple[Leg, ...]


class Liquidation(Struct, frozen=True, kw_only=True):
    """The goal to hold nothing; `next_leg` numbers its orders, none is sent before `not_before`.

    `refreshes` are when the refresh of a symbol's orders started, for the next close of it.
    """

    command_id: SignalId
    next_leg: int = 0
    not_before: Micros = Micros(0)
    refreshes: dict[str, Micros] = {}


class Retry(Struct, frozen=True, kw_only=True):
    """An order that ended without ever being placed, and goes out as another attempt, not before `not_before`.

    The attempt is valid until `valid_until`; None: as long as any other. `said` is what the exchange said at last.
    `refreshed_from` is as for a leg.
    """

    order: Order
    not_before: Micros
    valid_until: Micros | None = None
    said: str = ""
    refreshed_from: Micros = Micros(0)


class Watch(Struct, frozen=True, kw_only=True):
    """An order of `symbol` that counts as never placed `since` then, and could turn up `until` then."""

    symbol: str
    since: Micros
    until: Micros


class Pause(Struct, frozen=True, kw_only=True):
    """Who paused trading, and why."""

    at: Micros
    by: str
    why: str


class Surfaced(Struct, frozen=True, kw_only=True):
    """An order that was at the exchange although the log had said otherwise of it; `why` is what the log had said."""

    order_id: OrderId
    why: str


class State(Struct, frozen=True, kw_only=True):
    """Unfinished business and holdings. What has ended leaves the state; the log keeps it.

    `queue` has the strategy's signals in order, the first is running; `operations` (operators' cancel-alls) run beside
    it. `retries` are orders that wait for their next attempt, by the id of the last, `watched` those that were never
    placed and could turn up. `last_sequence` is the latest signal accepted: one with an equal or lower sequence has
    been here before.
    `surfaced` is the last order that surfaced since trading was resumed last.
    `leverages` are those that the exchange was told of, by symbol.
    `adoptions` are the operators' commands of the last day by which something was adopted.
    """

    terms: Terms | None = None
    capital: dict[str, Decimal] = {}
    pause: Pause | None = None
    surfaced: Surfaced | None = None
    positions: dict[str, Position] = {}
    orders: dict[OrderId, Order] = {}
    retries: dict[OrderId, Retry] = {}
    watched: dict[OrderId, Watch] = {}
    queue: tuple[Run, ...] = ()
    operations: tuple[Run, ...] = ()
    last_sequence: int = 0
    liquidation: Liquidation | None = None
    leverages: dict[str, Decimal] = {}
    adoptions: dict[SignalId, Micros] = {}

    @property
    def has_unfinished_business(self) -> bool:
        """Whether a restart must look after this strategy account at once."""
        return bool(self.orders or self.retries or self.watched or self.queue or self.operations or self.liquidation)

    @property
    def awaited_orders(self) -> Mapping[OrderId, object]:
        """The unfinished orders, and those that wait for their next attempt."""
        return {**self.orders, **self.retries} if self.retries else self.orders

    def position(self, symbol: str) -> Position:
        """Return the position in `symbol`, flat if there never was one."""
        return self.positions.get(symbol) or Position(symbol=symbol)

    def has_waiting_close(self, symbol: str) -> bool:
        """Whether a close of `symbol` is to go out again, or has just done so: an opening must not overtake it."""
        going = (order for order in self.orders.values() if order.attempt > 1 and order.is_unanswered)
        waiting = (retry.order for retry in self.retries.values())
        return any(order.symbol == symbol and order.purpose is Purpose.CLOSE for order in chain(waiting, going))

    def is_being_freed(self, symbol: str, side: Side, wanted: Decimal, *, in_time: bool = False) -> bool:
        """Whether own orders on `side` leave less than `wanted` of the position, and cancels of some may free more.

        An order that has vanished may never be settled: with `in_time`, what is free does not wait for it.
        """
        held = side.signed(self.position(symbol).quantity).copy_negate()
        free = subtract(held, self.resting(symbol, side))
        if min(wanted, held) <= max(free, ZERO):
            return False
        return any(
            order.symbol == symbol
            and order.side is side
            and order.cancel is not None
            and not (in_time and free > ZERO and order.has_vanished)
            for order in self.orders.values()
        )

    def resting(self, symbol: str, side: Side) -> Decimal:
        """Return what own unfinished orders of that symbol and side may still trade, doubtful ones included."""
        total = ZERO
        for order in self.orders.values():
            if order.symbol == symbol and order.side is side:
                total = add(total, order.remaining)
        return total


class Identity(Struct, frozen=True, kw_only=True):
    """Who this strategy account is: its stream's name, its number within the installation, the installation's salt."""

    name: str
    number: int
    salt: str


class Rules(Struct, frozen=True, kw_only=True):
    """Durations that decisions obey, in microseconds."""

    valid_for: int = 10 * SECOND
    call_timeout: int = 10 * SECOND
    price_max_age: int = 5 * SECOND
    liquidation_pause: int = 2 * SECOND
    poll_interval: int = 30 * SECOND


class Market(Struct, frozen=True, kw_only=True):
    """What is known of the exchange: its instruments (None until loaded), last prices by symbol, and its traits."""

    instruments: Instruments | None
    quotes: dict[str, Quote]
    traits: Traits

    def symbol_of(self, text: str) -> str:
        """Return the symbol that a sender's spelling means; the spelling itself where nobody can tell."""
        found = None if self.instruments is None else self.instruments.find(text)
        return found.symbol if isinstance(found, Instrument) else text


class Sighting(Struct, frozen=True, kw_only=True):
    """A look that got a clear answer: when it was sent, and how much of the order had filled, in base units."""

    asked_at: Micros
    filled: Decimal


class Context(Struct, frozen=True, kw_only=True):
    """What a decision may use besides the state.

    `exposed_elsewhere` are the symbols in which other strategies on the same account are exposed; `shares_account` says
    that there are others of whom that is not known. `halted` is why no order may leave, empty if they may;
    `is_sealed` if not even a liquidation's.
    `sightings` are the latest looks at unfinished orders.
    `is_reconciled` is false after a rebuild until the exchange has been asked about every unfinished order: until then
    evidence is taken in, but nothing new is begun on a state that may be stale.
    """

    now: Micros
    identity: Identity
    rules: Rules
    market: Market
    shares_account: bool = False
    exposed_elsewhere: frozenset[str] = frozenset()
    halted: str = ""
    is_sealed: bool = False
    is_reconciled: bool = True
    sightings: Mapping[OrderId, Sighting] = {}
