"""The demo's worse day: `kill -9` in the middle of a burst, a restart, and a reckoning with the exchange's books."""

import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx
from msgspec import Struct

from orderwright.cli.demo import claims
from orderwright.cli.demo.cast import Alert, Cast
from orderwright.cli.demo.evidence import NEVER_PLACED, Books, Ledger, LoggedOrder, Shown
from orderwright.cli.demo.scenes import BTC, Memory, Scene
from orderwright.clock import monotonic

ALERTS_EACH = 20

_SENDERS_EACH = 6
_ARRIVALS_BEFORE_THE_KILL = 15
_EXCHANGE_DELAY_MS = 150
_EVERY_MARKET = 4
_PATIENCE = 30.0
_LOOK_SECONDS = 0.005
_SIGKILL = 9
_HTTP_OK = 200


class Burst:
    """Alerts of both strategies, from several senders at once; who gets no answer remembers that."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._http = httpx.Client(timeout=_PATIENCE, trust_env=False)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=2 * _SENDERS_EACH, thread_name_prefix="sender")
        self.alerts = list(_burst())
        self.answered: set[str] = set()

    @property
    def keys(self) -> list[str]:
        """The sender's id of each alert."""
        return [str(alert["id"]) for _strategy, alert in self.alerts]

    def send_all(self) -> None:
        """Begin to send."""
        for strategy, alert in self.alerts:
            self._pool.submit(self._send, strategy, alert)

    def join(self) -> None:
        """Wait until every sender has its answer or has given up."""
        self._pool.shutdown(wait=True)

    def send_unanswered(self) -> int:
        """Send again what was not answered, as TradingView does, and return how many of it were duplicates."""
        duplicates = 0
        for strategy, alert in self.alerts:
            if alert["id"] not in self.answered:
                response = self._cast.post(strategy, alert, self._http)
                if response.is_success:
                    self.answered.add(str(alert["id"]))
                    duplicates += bool(response.json()["duplicate"])
        return duplicates

    def close(self) -> None:
        """Hang up; what was not sent yet is not sent any more."""
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def _send(self, strategy: str, alert: Alert) -> None:
        if self._stopping.is_set():
            return
        try:
            response = self._cast.post(strategy, alert, self._http)
        except httpx.HTTPError:
            return
        if response.status_code == _HTTP_OK:
            with self._lock:
                self.answered.add(str(alert["id"]))


class Wreck(Struct, frozen=True, kw_only=True):
    """What the killed engine left: its log, the exchange's books, and the orders of which it knew no answer."""

    books: Books
    log: Ledger
    in_flight: Sequence[LoggedOrder]


def crash_and_recover(cast: Cast, memory: Memory) -> None:
    """Kill in a burst, an order filled meanwhile, restart, reckoning."""
    burst = Burst(cast)
    try:
        _kill_in_the_middle(cast, burst)
        _restart(cast, burst)
        memory.facts = _reckon(cast, burst)
    finally:
        burst.close()


def _kill_in_the_middle(cast: Cast, burst: Burst) -> None:
    screen, engine = cast.screen, cast.stage.engine
    screen.step(
        f"kill -9 in the middle of a burst of {len(burst.alerts)} alerts",
        f"The exchange takes each order at once, and answers {_EXCHANGE_DELAY_MS} ms later.",
    )
    cast.slow_down(_EXCHANGE_DELAY_MS)
    before = len(cast.books().arrivals)
    screen.say(
        f"{len(burst.alerts)} alerts, to trend and to swing in turn, from {2 * _SENDERS_EACH} senders at once ..."
    )
    burst.send_all()
    _await_arrivals(cast, before + _ARRIVALS_BEFORE_THE_KILL)
    screen.sent(f"kill -9 {engine.pid}")
    ended_by = cast.stage.kill_engine()
    screen.answered(f"process {engine.pid} ended by signal {ended_by}")
    burst.join()
    cast.speed_up()
    wreck = _survey(cast)
    there = [order for order in wreck.in_flight if wreck.books.order(order.account, order.order_id)]
    screen.say(
        f"{len(burst.answered)} of {len(burst.alerts)} alerts were answered; {len(wreck.in_flight)} orders were under "
        f"way, {len(there)} of them at the exchange."
    )
    screen.claim("The engine was ended by SIGKILL.", () if ended_by == _SIGKILL else (f"it ended by {ended_by}",))
    screen.claim(
        "It died in the middle: an order was at the exchange of which the log knew only the intent.",
        claims.died_in_the_middle(len(burst.answered), len(burst.alerts), wreck.in_flight, wreck.books),
    )
    screen.claim(
        "No order is at the exchange that was not in the log before it left.",
        claims.intent_came_first(wreck.books, wreck.log),
    )


def _restart(cast: Cast, burst: Burst) -> None:
    screen = cast.screen
    screen.step("Meanwhile the market falls, and orders fill while nobody watches; then the engine comes back")
    fills_before = len(cast.books().fills())
    cast.set_price(BTC, "89900")
    filled = len(cast.books().fills()) - fills_before
    screen.claim(f"{filled} orders filled while the engine was dead.", () if filled > 0 else ("none did",))
    cast.start_engine()
    screen.claim("It is ready again.", () if cast.is_ready() else ("it does not say so",))
    missing = len(burst.alerts) - len(burst.answered)
    duplicates = burst.send_unanswered()
    screen.say(f"The {missing} unanswered alerts are sent again: {duplicates} were stored before the kill.")
    screen.claim(
        "Every alert has an answer now.",
        (f"no answer to {key}" for key in burst.keys if key not in burst.answered),
    )


def _reckon(cast: Cast, burst: Burst) -> tuple[str, ...]:
    screen = cast.screen
    screen.step("Nothing lost, nothing doubled: the log, the engine's state and the exchange's own books")
    shown = cast.settled()
    books, log = cast.books(), cast.ledger()
    screen.claim("Nothing is under way or in doubt any more.", _unsettled(shown))
    screen.claim("Every alert is in the log once, and has come to an end.", claims.stored_once(log, burst.keys))
    screen.claim("No order is lost: log and exchange know the same ones.", claims.none_lost(books, log))
    screen.claim("None is doubled: one per alert, account and place.", claims.none_doubled(books, log))
    screen.claim("Each was in the log before it was at the exchange.", claims.intent_came_first(books, log))
    screen.claim("The same fills, one by one, also those nobody watched.", claims.fills_agree(books, log))
    screen.claim("The same open orders.", claims.open_orders_agree(books, log))
    screen.claim("On each account the positions add up to the exchange's.", claims.positions_agree(books, log))
    screen.claim("The running engine's state is the log's.", claims.state_is_the_log(shown, log))
    screen.say(_holdings(books))
    placed = sum(order.is_placed for order in log.orders.values())
    unsent = sum(order.ended == NEVER_PLACED for order in log.orders.values())
    given_up = f"; {unsent} more never left before the kill, and were given up" if unsent else ""
    became = f"{placed} orders and {len(log.fills())} fills, in {len(log.lines)} events"
    return (f"{len(log.stored)} alerts became {became}{given_up}.",)


def _survey(cast: Cast) -> Wreck:
    log = cast.ledger()
    return Wreck(books=cast.books(), log=log, in_flight=log.in_flight())


def _await_arrivals(cast: Cast, count: int) -> None:
    until = monotonic() + _PATIENCE
    while len(cast.books().arrivals) < count and monotonic() < until:
        time.sleep(_LOOK_SECONDS)


def _unsettled(shown: Iterable[Shown]) -> Iterable[str]:
    return (f"{account.account} is still at work" for account in shown if not account.is_settled)


def _holdings(books: Books) -> str:
    told = []
    for account in books.accounts():
        held = books.positions(account.account)
        amounts = ", ".join(f"{amount:f} {symbol}" for symbol, amount in sorted(held.items()))
        told.append(f"{account.account}: {amounts or 'flat'}, {len(books.open_ids(account.account))} open orders")
    return "By the exchange: " + "; ".join(told) + "."


def _burst() -> Iterable[tuple[str, Alert]]:
    for number in range(ALERTS_EACH):
        yield "trend", _alert("trend", number, side="buy", price=Decimal(90_000) - 10 * number)
        yield "swing", _alert("swing", number, side="sell", price=Decimal(110_000) + 10 * number)


def _alert(strategy: str, number: int, *, side: str, price: Decimal) -> Alert:
    alert: Alert = {"symbol": BTC, "side": side, "qty": "0.001", "id": f"{strategy}-burst-{number}"}
    if number % _EVERY_MARKET == 0:
        return {**alert, "order_type": "MARKET"}
    return {**alert, "order_type": "LIMIT", "price": str(price)}


WORSE_DAY: tuple[Scene, ...] = (crash_and_recover,)
