"""The kill switch: nothing leaves any more, for everything, an account or a strategy, until an operator lifts it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from msgspec import Struct

from orderwright.actors.catalogue_desk import CatalogueDesk, CatalogueRefused
from orderwright.actors.gate import Gate, Scope, covers
from orderwright.actors.messages import AccountView, Unavailable
from orderwright.actors.wire import Wire
from orderwright.clock import monotonic
from orderwright.engine.catalogue.commands import HaltTrading, LiftHalt
from orderwright.engine.catalogue.events import Drift
from orderwright.errors import OrderwrightError
from orderwright.eventstore.store import EventStoreError

_LEAST_SECONDS = 0.5

Describe = Callable[[Sequence[str], float], Mapping[str, AccountView | Unavailable | None]]


class HaltNotStored(OrderwrightError):
    """Nothing leaves any more, but the halt could not be written down: it would not survive a restart."""


class HaltReport(Struct, frozen=True, kw_only=True):
    """What is left of a halted scope, by ids of orders.

    `on_the_wire` had not been answered by then, `in_doubt` may or may not be at the exchange, and of the strategy
    accounts `unanswered` nobody knows. What is in none of them will never reach an exchange.
    """

    on_the_wire: tuple[str, ...]
    in_doubt: tuple[str, ...]
    unanswered: tuple[str, ...]

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
    ) -> None:
        self._desk = desk
        self._gate = gate
        self._wire = wire
        self._awake = awake
        self._describe = describe
        self._changed = changed
        self._switching = threading.Lock()
        self._shutting = threading.Lock()
        self._underway: Counter[Scope] = Counter()

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
        # At once: this must not wait for whoever is switching now, nor for a log that hangs.
        with self._shutting:
            self._gate.halt(scope)
            self._underway[scope] += 1
        self._write_down(HaltTrading(by=by, why=why, scope=scope[0], name=scope[1]), scope, timeout)
        return self._report(scope, ends)

    def _write_down(self, command: HaltTrading, scope: Scope, timeout: float) -> None:
        written: Future[None] = Future()
        threading.Thread(target=self._write, args=(command, scope, written), name="halt", daemon=True).start()
        try:
            written.result(timeout)
        except FutureTimeoutError as exc:
            message = "the log does not answer: whether the halt was written down will show when it does"
            raise HaltNotStored(message) from exc

    def _write(self, command: HaltTrading, scope: Scope, written: "Future[None]") -> None:
        try:
            with self._switching:
                try:
                    self._change(command, scope)
                finally:
                    with self._shutting:
                        self._underway[scope] -= 1
            self._changed()
        except Exception as exc:  # noqa: BLE001 -- it is for whoever waits for this thread to deal with
            written.set_exception(exc)
        else:
            written.set_result(None)

    def _change(self, command: HaltTrading, scope: Scope) -> None:
        try:
            self._desk.change([command])
        except CatalogueRefused:
            if scope not in self._desk.catalogue.halts:
                self._gate.lift(scope)
            raise
        except EventStoreError as exc:
            raise HaltNotStored(str(exc)) from exc

    def lift(self, scope: Scope, *, by: str, why: str, drift: Drift = Drift.UNEXAMINED) -> None:
        """Let orders leave again, once that is written down; another halt that covers them goes on.

        `drift` is what is known of it, which matters to a halt until that is examined.

        Raises:
            CatalogueRefused: there is no such account or strategy, or drift is to be examined first.
            EventStoreError: it could not be written down, so the halt goes on.
        """
        with self._switching:
            self._desk.change([LiftHalt(by=by, why=why, scope=scope[0], name=scope[1], drift=drift)])
            with self._shutting:
                # Who halts and has not had the turn to write that down has the last word.
                if not self._underway[scope]:
                    self._gate.lift(scope)
        self._changed()

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
        )
