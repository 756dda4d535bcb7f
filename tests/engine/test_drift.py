"""What counts as drift, and what cannot honestly be held against the log or the exchange."""

from decimal import Decimal

import pytest

from orderwright.engine.drift import AccountDrift, ExchangeBooks, LogBooks, Verdict, compare
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Order
from orderwright.engine.positions import Position
from tests.engine.given import START, StrategyAccountUnderTest, buy, market, sell, shown

FUTURES, SPOT = MarketType.FUTURES, MarketType.SPOT


def held(symbol: str, quantity: str) -> Position:
    base, _, quote = symbol.partition("/")
    return Position(symbol=symbol, base=base, quote=quote, quantity=Decimal(quantity))


def resting(*, side: str = "buy", kind: MarketType = FUTURES, in_doubt: bool = False) -> Order:
    """Return an order of 2 BTC that is open, or in doubt."""
    account = StrategyAccountUnderTest(kind)
    account.bought("5")
    account.signal(buy(qty="2", price="90") if side == "buy" else sell(qty="2", price="110"))
    if in_doubt:
        account.unclear(account.order)
    else:
        account.placed(account.order)
    return account.order


def drift(
    kind: MarketType = FUTURES,
    *,
    positions: dict[str, str] | None = None,
    in_log: tuple[Position, ...] = (),
    balances: dict[str, str] | None = None,
    orders: tuple[Order, ...] = (),
    open_there: tuple[Order, ...] | None = None,
) -> AccountDrift:
    there = orders if open_there is None else open_there
    log = LogBooks(
        positions=tuple((kind, position) for position in in_log),
        orders=tuple((kind, order) for order in orders),
        capital=frozenset({"USDT"}),
        market_types=frozenset({kind}),
    )
    exchange = ExchangeBooks(
        instruments=(market(kind=kind), market("ETH/USDT", kind)),
        balances={coin: Decimal(amount) for coin, amount in (balances or {}).items()},
        positions={symbol: Decimal(amount) for symbol, amount in (positions or {}).items()},
        orders=tuple(shown(order) for order in there),
    )
    own = frozenset(str(order.order_id) for order in there)
    return compare("A1", log, exchange, own_orders=own, now=START)


def verdicts(found: AccountDrift) -> dict[str, Verdict]:
    return {holding.name: holding.verdict for holding in found.holdings}


def test_virtual_positions_of_several_strategies_are_netted_like_the_exchanges() -> None:
    found = drift(in_log=(held("BTC/USDT", "3"), held("BTC/USDT", "-1")), positions={"BTC/USDT": "2"})
    assert verdicts(found) == {"BTC/USDT": Verdict.AGREES}
    assert found.is_settled
    assert not found.has_drifted


@pytest.mark.parametrize("there", ["1", "-2", "2.5"])
def test_a_position_on_margin_that_is_another_at_the_exchange_has_drifted(there: str) -> None:
    found = drift(in_log=(held("BTC/USDT", "2"),), positions={"BTC/USDT": there})
    assert verdicts(found) == {"BTC/USDT": Verdict.DIFFERS}
    assert found.is_certain


def test_a_position_that_nobody_here_owns_is_no_drift_but_is_not_settled_either() -> None:
    found = drift(positions={"ETH/USDT": "4"})
    assert verdicts(found) == {"ETH/USDT": Verdict.UNOWNED}
    assert not found.has_drifted
    assert not found.is_settled


def test_less_than_the_markets_step_is_no_difference() -> None:
    found = drift(in_log=(held("BTC/USDT", "2"),), positions={"BTC/USDT": "2.0009"})
    assert verdicts(found) == {"BTC/USDT": Verdict.AGREES}


def test_what_an_open_order_may_have_traded_a_moment_ago_is_not_certain() -> None:
    found = drift(in_log=(held("BTC/USDT", "1"),), positions={"BTC/USDT": "2.5"}, orders=(resting(),))
    assert verdicts(found) == {"BTC/USDT": Verdict.FILLING}
    assert found.has_drifted
    assert not found.is_certain
    other_way = drift(in_log=(held("BTC/USDT", "1"),), positions={"BTC/USDT": "0.5"}, orders=(resting(),))
    assert verdicts(other_way) == {"BTC/USDT": Verdict.DIFFERS}


def test_what_an_order_in_doubt_may_have_traded_is_said_to_be_in_doubt() -> None:
    found = drift(
        in_log=(held("BTC/USDT", "1"),), positions={"BTC/USDT": "3"}, orders=(resting(in_doubt=True),), open_there=()
    )
    assert verdicts(found) == {"BTC/USDT": Verdict.IN_DOUBT}
    assert not found.has_drifted
    assert not found.is_settled


def test_coins_that_are_missing_have_drifted_and_more_of_them_belong_to_somebody_else() -> None:
    owned = (held("BTC/USDT", "2"),)
    missing = drift(SPOT, in_log=owned, balances={"BTC": "1.5", "USDT": "7"})
    assert verdicts(missing) == {"BTC": Verdict.DIFFERS}
    more = drift(SPOT, in_log=owned, balances={"BTC": "10", "ETH": "3", "USDT": "7"})
    assert verdicts(more) == {"BTC": Verdict.UNOWNED, "ETH": Verdict.UNOWNED}
    assert not more.has_drifted


def test_coins_of_several_markets_count_together() -> None:
    found = drift(SPOT, in_log=(held("BTC/USDT", "2"), held("BTC/KRW", "1")), balances={"BTC": "3"})
    assert verdicts(found) == {"BTC": Verdict.AGREES}


def test_a_coin_that_is_also_traded_with_is_left_out() -> None:
    found = drift(SPOT, in_log=(held("ETH/BTC", "2"), held("BTC/USDT", "1")), balances={"BTC": "0.2", "ETH": "2"})
    assert verdicts(found) == {"ETH": Verdict.AGREES}


def test_balances_are_no_business_of_strategies_on_margin() -> None:
    assert drift(balances={"BTC": "3", "USDT": "9"}).holdings == ()


def test_an_order_that_is_open_in_the_log_only_is_odd_unless_it_is_in_doubt() -> None:
    order = resting()
    found = drift(orders=(order,), open_there=())
    assert [(odd.order_id, odd.is_there) for odd in found.orders] == [(order.order_id, False)]
    assert found.has_drifted
    assert not found.is_certain
    assert drift(orders=(resting(in_doubt=True),), open_there=()).orders == ()


def test_an_order_with_our_mark_that_is_open_there_only_is_odd() -> None:
    order = resting(side="sell")
    found = drift(open_there=(order,))
    assert [(odd.order_id, odd.is_there) for odd in found.orders] == [(order.order_id, True)]
    assert found.foreign_orders == 0
