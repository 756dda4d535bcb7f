"""The demo's claims as pure checks: each returns what speaks against it, nothing if the evidence bears it out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from orderwright.cli.demo.evidence import Books, Known, Ledger, LoggedOrder, Reply, Shown, by_account
from orderwright.engine.money import plain
from orderwright.exchanges.paper.records import Arrival

Holdings = Mapping[str, Decimal]


def placed_as_said(reply: Reply, books: Books) -> Iterator[str]:
    """Each order that the reply tells of is at the exchange, on that account, as the reply describes it."""
    if not reply.results:
        yield f"the reply has no results: {reply.code} {reply.error}"
    for result in reply.results:
        told = f"{result.account_name}: {result.order_type} {result.side} {result.symbol}"
        if result.status != "success":
            yield f"{told} ended as {result.status}: {result.code} {result.error}"
            continue
        if result.engine_order_id is None:
            continue
        order = books.order(result.account_name, result.engine_order_id)
        if order is None:
            yield f"{told}: the exchange has no order {result.engine_order_id}"
            continue
        said = (result.order_id, result.symbol, result.side, result.order_type, result.amount, result.order_status)
        found = (str(order.number), order.symbol, order.side, order.order_type, order.amount, order.status)
        if said != found:
            yield f"{told}: the reply says {_words(said)}, the exchange's books say {_words(found)}"


def sized_as_computed(reply: Reply, books: Books, expected: Mapping[str, Decimal]) -> Iterator[str]:
    """Each account has exactly one order of this signal at the exchange, of the amount that was computed for it."""
    results = by_account(reply.results)
    if set(results) != set(expected):
        yield f"the reply has results of {_names(results)}, not of {_names(expected)}"
    for account, amount in expected.items():
        orders = [books.order(account, result.engine_order_id) for result in results.get(account, [])]
        amounts = [plain(order.amount) for order in orders if order is not None]
        if [Decimal(text) for text in amounts] != [amount]:
            yield f"{account}: the exchange has {_names(amounts) or 'nothing'}, not {plain(amount)}"


def rest_at_the_exchange(books: Books, expected: Mapping[str, Iterable[str | None]]) -> Iterator[str]:
    """The open orders of each account, by the exchange's books, are exactly these."""
    for account, ids in expected.items():
        yield from _differences(f"{account}: open at the exchange", books.open_ids(account), {str(own) for own in ids})


def held_at_the_exchange(books: Books, expected: Mapping[str, Holdings]) -> Iterator[str]:
    """The positions of each account, by the exchange's books, are exactly these (flat ones left out)."""
    for account, holdings in expected.items():
        yield from _unequal(f"{account}: the exchange holds", books.positions(account), holdings)


def held_by(known: Known, expected: Holdings) -> Iterator[str]:
    """The strategy account's own positions are exactly these (flat ones left out)."""
    yield from _unequal("the strategy account holds", known.positions, expected)


def arrived_in_order(arrivals: Sequence[Arrival], account: str, expected: Sequence[tuple[str, str]]) -> Iterator[str]:
    """What arrived at the exchange for the account is exactly this, in this order: (operation, client order id)."""
    found = [(arrival.operation, arrival.client_order_id or "") for arrival in arrivals if arrival.account == account]
    if found != list(expected):
        yield f"{account}: the exchange got {_words(found)}, expected {_words(expected)}"


def nothing_arrived(before: Books, after: Books) -> Iterator[str]:
    """The exchange was asked to place or cancel nothing between the two looks at its books."""
    for arrival in after.arrivals[len(before.arrivals) :]:
        yield f"the exchange was asked to {arrival.operation} {arrival.client_order_id} on {arrival.account}"


def refused_with(reply: Reply, code: str, accounts: Iterable[str]) -> Iterator[str]:
    """Each account refused, with this code."""
    found = {result.account_name: (result.status, result.code) for result in reply.results}
    expected = dict.fromkeys(accounts, ("refused", code))
    if found != expected:
        yield f"the reply says {found or reply.error}, expected {expected}"


def is_duplicate_of(reply: Reply, first: Reply) -> Iterator[str]:
    """The reply says that it is a duplicate, and has the results of the first one."""
    if not reply.duplicate:
        yield "the reply does not call it a duplicate"
    if (reply.signal_id, reply.results) != (first.signal_id, first.results):
        yield f"the reply is not that of the first one: {reply.signal_id} instead of {first.signal_id}"


def intent_came_first(books: Books, log: Ledger) -> Iterator[str]:
    """Every placement that the exchange saw had been written to the log before, as it was sent."""
    for arrival in books.arrivals:
        if arrival.operation != "place":
            continue
        order = log.orders.get(arrival.client_order_id or "")
        if order is None or order.account != arrival.account:
            yield f"the exchange got order {arrival.client_order_id} on {arrival.account}, the log knows nothing of it"
        elif order.requested_at > arrival.at:
            yield f"order {order.order_id} arrived {arrival.at - order.requested_at} us before it was written down"


def none_lost(books: Books, log: Ledger) -> Iterator[str]:
    """Both know the same orders: the exchange's are in the log, those placed by the log are at the exchange."""
    at_exchange = {(order.account, order.client_order_id): str(order.number) for order in books.orders()}
    in_log = {(order.account, order.order_id): order for order in log.orders.values() if order.is_placed}
    for account, order_id in sorted(at_exchange.keys() - in_log.keys()):
        yield f"{account}: the exchange has order {order_id}, by the log it was not placed"
    for account, order_id in sorted(in_log.keys() - at_exchange.keys()):
        yield f"{account}: by the log order {order_id} was placed, the exchange does not know it"
    for key in sorted(at_exchange.keys() & in_log.keys()):
        number = in_log[key].exchange_order_id
        if number is not None and number != at_exchange[key]:
            yield f"{key[0]}: order {key[1]} is {at_exchange[key]} at the exchange and {number} in the log"


def none_doubled(books: Books, log: Ledger) -> Iterator[str]:
    """The exchange has at most one order for each alert, account and place in the alert."""
    known = [log.orders[order.client_order_id] for order in books.orders() if order.client_order_id in log.orders]
    counted = Counter((order.stream, order.signal_id, order.leg) for order in known)
    for (stream, signal_id, leg), count in counted.items():
        if count > 1:
            yield f"{stream}: {count} orders for signal {signal_id}, leg {leg}"


def stored_once(log: Ledger, keys: Iterable[str]) -> Iterator[str]:
    """Each alert, by its sender's id, is in the log once and has come to an end."""
    signals: dict[str, list[str]] = {}
    for key, signal_id in log.stored:
        signals.setdefault(key, []).append(signal_id)
    for key in keys:
        found = signals.get(key, [])
        if len(found) != 1:
            yield f"alert {key} is in the log {len(found)} times"
        elif found[0] not in log.finished:
            yield f"alert {key} has not come to an end"


def fills_agree(books: Books, log: Ledger) -> Iterator[str]:
    """The trades in the exchange's books and the fills in the log are the same, one by one."""
    yield from _differences("trades at the exchange", books.fills(), log.fills(), other="fills in the log")


def open_orders_agree(books: Books, log: Ledger) -> Iterator[str]:
    """What rests at the exchange and what lives in the log is the same, account by account."""
    for account in books.accounts():
        living = {own.order_id for own in log.orders.values() if own.account == account.account and not own.ended}
        found = books.open_ids(account.account)
        yield from _differences(f"{account.account}: open at the exchange", found, living, other="open in the log")


def positions_agree(books: Books, log: Ledger) -> Iterator[str]:
    """On each account the strategies' positions by the log add up to the exchange's position."""
    for account in books.accounts():
        yield from _unequal(
            f"{account.account}: the exchange holds", books.positions(account.account), log.positions(account.account)
        )


def state_is_the_log(shown: Iterable[Shown], log: Ledger) -> Iterator[str]:
    """The running engine shows the positions and open orders that the log leads to."""
    for account in shown:
        known = account.as_known
        yield from _unequal(f"{account.account}: the engine shows", known.positions, log.held(account.account))
        yield from _differences(
            f"{account.account}: open for the engine",
            known.open_ids,
            log.open_ids(account.account),
            other="open in the log",
        )


def same_state(found: Known, expected: Known) -> Iterator[str]:
    """Two views of a strategy account are the same: version, positions and open orders."""
    if found != expected:
        yield f"found {found}, expected {expected}"


def died_in_the_middle(answered: int, sent: int, in_flight: Sequence[LoggedOrder], books: Books) -> Iterator[str]:
    """Some alerts were answered and some not, and an order was at the exchange of which the log knew no answer."""
    if not 0 < answered < sent:
        yield f"{answered} of {sent} alerts were answered"
    if not any(books.order(order.account, order.order_id) for order in in_flight):
        yield f"none of the {len(in_flight)} unanswered orders was at the exchange"


def _differences(
    where: str, found: Iterable[object], expected: Iterable[object], *, other: str = "expected"
) -> Iterator[str]:
    left, right = set(found), set(expected)
    if left - right:
        yield f"{where} but not {other}: {_names(left - right)}"
    if right - left:
        yield f"{other} but not {where}: {_names(right - left)}"


def _unequal(where: str, found: Holdings, expected: Holdings) -> Iterator[str]:
    if dict(found) != dict(expected):
        yield f"{where} {_amounts(found)}, expected {_amounts(expected)}"


def _amounts(holdings: Holdings) -> str:
    return ", ".join(f"{plain(amount)} {symbol}" for symbol, amount in sorted(holdings.items())) or "nothing"


def _names(items: Iterable[object]) -> str:
    return ", ".join(sorted(map(_word, items)))


def _words(items: Iterable[object]) -> str:
    return ", ".join(map(_word, items)) or "nothing"


def _word(item: object) -> str:
    match item:
        case Decimal():
            return plain(item)
        case tuple():
            return f"({_words(item)})"
    return str(item)
