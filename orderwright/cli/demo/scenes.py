"""The demo's steps on a quiet day: set up, place, share an account, batch, cancel, repeat, close."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from orderwright.cli.demo import claims
from orderwright.cli.demo.cast import Cast, Sent, this_moment
from orderwright.cli.demo.evidence import Known, by_account

BTC = "BTC/USDT"
ETH = "ETH/USDT"


class Memory(Struct, kw_only=True):
    """What later steps need of earlier ones."""

    entry: Sent | None = None
    swing_orders: tuple[str, ...] = ()
    moment: str = ""
    facts: tuple[str, ...] = ()
    known_then: Known | None = None


Scene = Callable[[Cast, Memory], None]


def set_up(cast: Cast, _memory: Memory) -> None:
    """An exchange, an installation, an engine."""
    screen = cast.screen
    screen.step(
        "An exchange, an installation with a PostgreSQL of its own, an engine",
        "trend trades on A1 (10,000 USDT) and A2 (5,000 USDT), swing on A1 (4,000 USDT), all with leverage 2.",
    )
    cast.start_exchange()
    cast.set_up()
    cast.apply()
    cast.start_engine()
    screen.claim("The engine takes webhooks.", () if cast.is_ready() else ("it does not say so",))
    screen.claim("Applied once more, now to the running engine, the declaration changes nothing.", cast.apply())


def one_alert_two_accounts(cast: Cast, _memory: Memory) -> None:
    """LIMIT on both accounts of a strategy."""
    screen = cast.screen
    screen.step("LIMIT: one alert, one order on each account of the strategy")
    sent = cast.send("trend", {"symbol": "BTCUSDT.P", "order_type": "LIMIT", "side": "buy", "price": "95000",
                               "qty_per": "10"})  # fmt: skip
    books = cast.books()
    expected = {"A1": Decimal("0.021"), "A2": Decimal("0.010")}
    screen.claim("Both orders are in the exchange's books as the reply says.", claims.placed_as_said(sent.reply, books))
    screen.claim(
        "Each is sized to its own capital: 10 % of 10,000 and of 5,000 USDT, x 2, / 95,000, cut to 0.001 BTC.",
        claims.sized_as_computed(sent.reply, books, expected),
    )


def two_strategies_one_account(cast: Cast, memory: Memory) -> None:
    """Another strategy's orders on the first one's account."""
    screen = cast.screen
    screen.step("Two strategies on one account: swing places beside trend")
    low = cast.send("swing", {"symbol": BTC, "order_type": "LIMIT", "side": "buy", "price": 94500, "qty_per": 10})
    high = cast.send("swing", {"symbol": BTC, "order_type": "LIMIT", "side": "sell", "price": 108000, "qty_per": 10})
    books = cast.books()
    memory.swing_orders = tuple(result.engine_order_id or "" for sent in (low, high) for result in sent.reply.results)
    trend = cast.known("trend@A1").open_ids
    screen.claim("swing placed on A1 alone.", claims.sized_as_computed(low.reply, books, {"A1": Decimal("0.008")}))
    screen.claim(
        "On A1 rest one order of trend and two of swing, nothing else.",
        claims.rest_at_the_exchange(books, {"A1": [*trend, *memory.swing_orders]}),
    )


def market_both_ways(cast: Cast, memory: Memory) -> None:
    """MARKET: long by one strategy, short by the other."""
    screen = cast.screen
    screen.step("MARKET: trend goes long, swing goes short, in the same market of the same account")
    memory.entry = cast.send("trend", {"symbol": BTC, "order_type": "MARKET", "side": "buy", "qty_per": 10,
                                       "id": "entry-1"})  # fmt: skip
    short = cast.send("swing", {"symbol": BTC, "order_type": "MARKET", "side": "sell", "qty_per": 10})
    books = cast.books()
    filled = [*claims.placed_as_said(memory.entry.reply, books), *claims.placed_as_said(short.reply, books)]
    screen.claim("The exchange's books say what the replies say.", filled)
    screen.claim(
        "The exchange nets A1 to 0.012 BTC; the log keeps 0.02 of trend and -0.008 of swing apart.",
        [
            *claims.held_at_the_exchange(books, {"A1": {BTC: Decimal("0.012")}, "A2": {BTC: Decimal("0.01")}}),
            *claims.held_by(cast.known("trend@A1"), {BTC: Decimal("0.02")}),
            *claims.held_by(cast.known("swing@A1"), {BTC: Decimal("-0.008")}),
        ],
    )


def batch(cast: Cast, memory: Memory) -> None:
    """A batch in its own order."""
    screen = cast.screen
    screen.step("A batch: MARKET first, then cancels, then LIMIT, whatever the order in the message")
    before = cast.books()
    open_before = {account: cast.known(f"trend@{account}").open_ids for account in ("A1", "A2")}
    sent = cast.send("trend", {"symbol": BTC, "orders": [
        {"order_type": "LIMIT", "side": "buy", "price": 93000, "qty_per": 10},
        {"order_type": "LIMIT", "side": "buy", "price": 92000, "qty_per": 10},
        {"order_type": "CANCEL_ALL_ORDER"},
        {"order_type": "MARKET", "symbol": ETH, "side": "buy", "qty_per": 5},
    ]})  # fmt: skip
    books = cast.books()
    screen.claim("Every order of it is at the exchange.", claims.placed_as_said(sent.reply, books))
    arrivals = books.arrivals[len(before.arrivals) :]
    for account, results in by_account(sent.reply.results).items():
        legs = dict(enumerate(result.engine_order_id or "" for result in results))
        cancelled = [("cancel", order_id) for order_id in open_before[account]]
        expected = [("place", legs.get(3, "")), *cancelled, ("place", legs.get(0, "")), ("place", legs.get(1, ""))]
        screen.claim(
            f"{account} got, in this order: MARKET ETH, the cancel of 95,000, LIMIT 93,000, LIMIT 92,000.",
            claims.arrived_in_order(arrivals, account, expected),
        )
    memory.known_then, memory.moment = cast.known("trend@A1"), this_moment()


def cancel_all_of_one(cast: Cast, memory: Memory) -> None:
    """CANCEL_ALL of one strategy."""
    screen = cast.screen
    screen.step("CANCEL_ALL_ORDER of trend: its orders end on both accounts, swing's stay")
    cast.send("trend", {"order_type": "CANCEL_ALL_ORDER"})
    books = cast.books()
    screen.claim(
        "By the exchange's books A1 has exactly swing's two orders open, A2 none.",
        claims.rest_at_the_exchange(books, {"A1": memory.swing_orders, "A2": ()}),
    )


def duplicate(cast: Cast, memory: Memory) -> None:
    """The same alert again."""
    screen = cast.screen
    screen.step("A duplicate: the alert of step 4 comes again, as after a lost answer")
    if memory.entry is None:
        screen.claim("There is an alert to repeat.", ["step 4 did not send one"])
        return
    before = cast.books()
    again = cast.send(memory.entry.strategy, memory.entry.alert)
    screen.claim(
        "The reply says so, with the first one's results.", claims.is_duplicate_of(again.reply, memory.entry.reply)
    )
    screen.claim("Nothing was sent to the exchange.", claims.nothing_arrived(before, cast.books()))


def close_all(cast: Cast, _memory: Memory) -> None:
    """-100, twice."""
    screen = cast.screen
    screen.step("-100: trend closes all that it holds, and nothing that swing holds")
    sent = cast.send("trend", {"symbol": BTC, "order_type": "MARKET", "qty_per": "-100"})
    books = cast.books()
    screen.claim("Sold at the exchange.", claims.placed_as_said(sent.reply, books))
    holdings = {"A1": {BTC: Decimal("-0.008"), ETH: Decimal("0.25")}, "A2": {ETH: Decimal("0.125")}}
    screen.claim(
        "A1 is left with swing's short, -0.008 BTC; trend's ETH was not meant, and stays.",
        claims.held_at_the_exchange(books, holdings),
    )
    again = cast.send("trend", {"symbol": BTC, "order_type": "MARKET", "qty_per": "-100", "id": "close-2"})
    screen.claim(
        "Once more: refused on both accounts, and nothing was sent.",
        [
            *claims.refused_with(again.reply, "no_long_position", ("A1", "A2")),
            *claims.nothing_arrived(books, cast.books()),
        ],
    )


QUIET_DAY: tuple[Scene, ...] = (
    set_up,
    one_alert_two_accounts,
    two_strategies_one_account,
    market_both_ways,
    batch,
    cancel_all_of_one,
    duplicate,
    close_all,
)
