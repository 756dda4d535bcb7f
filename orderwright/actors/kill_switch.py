"""The kill switch: nothing leaves any more, for everything, an account or a strategy, until an operator lifts it."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from msgspec import Struct
from msgspec.structs import replace

from orderwright.actors.alarms import AlarmKind, Alarms
from orderwright.actors.catalogue_desk import CatalogueDesk, CatalogueRefused
from orderwright.actors.gate import Gate, Scope, covers
from orderwright.actors.messages import AccountView, Unavailable
from orderwright.actors.wire import Wire
from orderwright.clock import monotonic
from orderwright.engine.catalogue.commands import HaltTrading, LiftHalt
from orderwright.engine.catalogue.events import Drift
from orderwright.engine.catalogue.state import Halt
from orderwright.errors import OrderwrightError
from orderwright.eventstore.store import EventStoreError
from orderwright.moments import Micros
from orderwright.readmodels.account_view import LIQUIDATING

logger = logging.getLogger(__name__)

_LEAST_SECONDS = 0.5

Describe = Callable[[Sequence[str], float], Mapping[str, AccountView | Unavailable | None]]


class HaltNotStored(OrderwrightError):
    """Nothing leaves any more, but the halt could not be written down: it would not survive a restart."""


class HaltReport(Struct, frozen=True, kw_only=True):
    """What is left of a halted scope, by ids of orders.

    `on_the_wire` had not been answered by then, `in_doubt` may or may not be at the exchange, and of the strategy
    accounts `unanswered` nobody knows. What is in none of them will never reach an exchange, but for what the strategy
    accounts send that are `liquidating`, by an operator's earlier word, which a halt does not stop.
    """

    on_the_wire: tuple[str, ...]
    in_doubt: tuple[str, ...]
    unanswered: tuple[str, ...]
    liquidating: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether everything that had left was answered, or is known to be in doubt."""
        return not self.on_the_wire and not self.unanswered


class KillSwitch:
    """Halts and lifts halts. `awake` returns the names of the strategy accounts that may have something under way.

    `describe` asks some of them how they are, for so many seconds; `changed` is called when the catalogue has changed.
    """

    def __init__(
        self,
        *,
        desk: CatalogueDesk,
        gate: Gate,
        wire: Wire,
        awake: Callable[[], Iterable[str]],
        describe: Describe,
        changed: Callable[[], None],
        alarms: Alarms,
        now: Callable[[], Micros],
    ) -> None:
        self._desk = desk
        self._gate = gate
        self._wire = wire
        self._awake = awake
        self._describe = describe
        self._changed = changed
        self._switching = threading.Lock()
        self._shutting = threading.Lock()
        self._alarms = alarms
        self._now = now
        self._underway: Counter[Scope] = Counter()
        self._unwritten: dict[Scope, Halt] = {}
        self._is_at_it = False

    def load(self) -> None:
        """Shut the gate to what is halted by the catalogue, as it is at the engine's start."""
        halts = self._desk.catalogue.halts
        self._gate.halt(*halts)
        self._gate.seal(*(scope for scope, halt in halts.items() if halt.until_examined))

    def halt(self, scope: Scope, *, by: str, why: str, timeout: float) -> HaltReport:
        """Let nothing more leave, write that down, and tell what had left; done again, it tells anew.

        Raises:
            CatalogueRefused: there is no such account or strategy.
            HaltNotStored: nothing leaves any more, but that is not written down after `timeout` seconds.
        """
        ends = monotonic() + timeout
        halt = Halt(at=self._now(), by=by, why=why, scope=scope[0], name=scope[1], is_written=False)
        # At once: this must not wait for whoever is switching now, nor for a log that hangs.
        with self._shutting:
            self._gate.halt(scope)
            self._underway[scope] += 1
            self._put(halt)
        self._write_down(halt, timeout)
        return self._report(scope, ends)

    def write_again(self) -> None:
        """Have what is not written down yet written, and the catalogue catch up, on a thread of its own.

        To be called now and then while the log can be written; what is still not written then has its next turn.
        """
        with self._shutting:
            if self._is_at_it or not (self._unwritten or self._desk.is_behind):
                return
            self._is_at_it = True
        threading.Thread(target=self._write_all, name="halts", daemon=True).start()

    def _write_all(self) -> None:
        try:
            with self._switching:
                self._desk.catch_up()
                with self._shutting:
                    halts = tuple(self._unwritten.values())
                for halt in halts:
                    self._change(halt)
            self._changed()
        except OrderwrightError as exc:
            logger.warning("what is halted is not written down yet: %s", exc)
        finally:
            self._is_at_it = False

    def _write_down(self, halt: Halt, timeout: float) -> None:
        written: Future[None] = Future()
        threading.Thread(target=self._write, args=(halt, written), name="halt", daemon=True).start()
        try:
            written.result(timeout)
        except FutureTimeoutError as exc:
            message = "the log does not answer: whether the halt was written down will show when it does"
            self._ring(halt, message)
            raise HaltNotStored(message) from exc

    def _write(self, halt: Halt, written: "Future[None]") -> None:
        try:
            with self._switching:
                try:
                    self._change(halt)
                finally:
                    with self._shutting:
                        self._underway[_scope(halt)] -= 1
            self._changed()
        except Exception as exc:  # noqa: BLE001 -- it is for whoever waits for this thread to deal with
            written.set_exception(exc)
        else:
            written.set_result(None)

    def _change(self, halt: Halt) -> None:
        wanted = HaltTrading(
            by=halt.by, why=halt.why, scope=halt.scope, name=halt.name, until_examined=halt.until_examined
        )
        with self._shutting:
            # A lift, or another halt of the same scope, may have had its turn since this one was given.
            self._gate.halt(_scope(halt))
            self._put(halt)
        try:
            self._desk.change([wanted])
        except CatalogueRefused:
            with self._shutting:
                self._drop(halt)
                if _scope(halt) not in self._desk.catalogue.halts:
                    self._gate.lift(_scope(halt))
            raise
        except EventStoreError as exc:
            self._ring(halt, str(exc))
            raise HaltNotStored(str(exc)) from exc
        with self._shutting:
            self._drop(halt)

    def lift(self, scope: Scope, *, by: str, why: str, drift: Drift = Drift.UNEXAMINED) -> None:
        """Let orders leave again, once that is written down; another halt that covers them goes on.

        `drift` is what is known of it, which matters to a halt until that is examined.

        Raises:
            CatalogueRefused: there is no such account or strategy, or drift is to be examined first.
            EventStoreError: it could not be written down, so the halt goes on.
        """
        with self._switching:
            try:
                self._desk.change([LiftHalt(by=by, why=why, scope=scope[0], name=scope[1], drift=drift)])
            except EventStoreError:
                self._go_on(scope)
                raise
            with self._shutting:
                # Who halts and has not had the turn to write that down has the last word.
                if not self._underway[scope]:
                    self._gate.lift(scope)
                    if scope in self._unwritten:
                        self._drop(self._unwritten[scope])
        self._changed()

    def _go_on(self, scope: Scope) -> None:
        # Its end may be written late: then the halt, which holds, has to be written again.
        with self._shutting:
            halt = self._desk.catalogue.halts.get(scope)
            if halt is not None and scope not in self._unwritten:
                self._put(replace(halt, is_written=False))

    def _put(self, halt: Halt) -> None:
        self._unwritten[_scope(halt)] = halt
        self._desk.show_halts(self._unwritten.values())

    def _drop(self, halt: Halt) -> None:
        # Another one of the same scope may have come meanwhile.
        if self._unwritten.get(_scope(halt)) is halt:
            del self._unwritten[_scope(halt)]
            self._desk.show_halts(self._unwritten.values())
            self._alarms.clear(AlarmKind.HALT_NOT_WRITTEN, _named(halt))

    def _ring(self, halt: Halt, why: str) -> None:
        with self._shutting:
            if self._unwritten.get(_scope(halt)) is halt:
                self._alarms.ring(AlarmKind.HALT_NOT_WRITTEN, _named(halt), f"it holds until the engine ends: {why}")

    def _report(self, scope: Scope, ends: float) -> HaltReport:
        left = self._wire.wait_clear(lambda name: covers(scope, name), max(0.0, ends - monotonic()))
        names = [name for name in self._awake() if covers(scope, name)]
        views = self._describe(names, max(_LEAST_SECONDS, ends - monotonic()))
        return HaltReport(
            on_the_wire=tuple(sorted({trip.order_id for trip in left})),
            in_doubt=tuple(
                order.engine_order_id
                for view in views.values()
                if isinstance(view, AccountView)
                for order in view.orders
                if order.in_doubt
            ),
            unanswered=tuple(name for name, view in views.items() if not isinstance(view, AccountView)),
            liquidating=tuple(
                name
                for name, view in views.items()
                if isinstance(view, AccountView) and view.condition == LIQUIDATING and not self._is_sealed(name)
            ),
        )

    def _is_sealed(self, name: str) -> bool:
        halts = self._desk.catalogue.halts
        return any(halt.until_examined and covers(scope, name) for scope, halt in halts.items())


def _scope(halt: Halt) -> Scope:
    return halt.scope, halt.name


def _named(halt: Halt) -> str:
    return f"{halt.scope} {halt.name}".rstrip()
