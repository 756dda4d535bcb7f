"""Virtual positions: quantity, average price, fees and realised profit, from fills alone."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from orderwright.engine.orders import Fill
from orderwright.engine.positions import Position, after_fill
from orderwright.engine.signals import Side
from tests.engine.given import a_fill, modestly

FLAT = Position(symbol="BTC/USDT", base="BTC", quote="USDT")
B, S = Side.BUY, Side.SELL


def after(*trades: tuple[Side, str, str], start: Position = FLAT) -> Position:
    position = start
    for number, (side, amount, price) in enumerate(trades):
        position = after_fill(position, side, a_fill(str(number), amount, price))
    return position


def shows(position: Position) -> tuple[str, str, str]:
    return str(position.quantity), str(position.average_price), str(position.realised)


def test_a_long_averages_in_and_realises_on_the_way_out() -> None:
    assert shows(after((B, "1", "100"), (B, "1", "110"))) == ("2", "105", "0")
    assert shows(after((B, "1", "100"), (B, "1", "110"), (S, "0.5", "125"))) == ("1.5", "105", "10")


def test_a_short_averages_in_and_realises_on_the_way_out() -> None:
    assert shows(after((S, "1", "100"), (S, "3", "120"))) == ("-4", "115", "0")
    assert shows(after((S, "1", "100"), (S, "3", "120"), (B, "4", "110"))) == ("0", "0", "20")


def test_a_flip_closes_one_side_and_opens_the_other_at_the_trades_price() -> None:
    assert shows(after((B, "1", "100"), (S, "3", "90"))) == ("-2", "90", "-10")
    assert shows(after((S, "1", "100"), (B, "3", "90"))) == ("2", "90", "10")


def test_a_fee_in_the_base_coin_comes_off_the_quantity_and_not_off_the_profit() -> None:
    position = after_fill(FLAT, B, a_fill("1", "1", "100", fee="0.001", fee_currency="BTC"))
    assert position.quantity == Decimal("0.999")
    assert position.fees == {"BTC": Decimal("0.001")}
    assert position.average_price == Decimal(100)
    assert position.realised == 0


def test_a_fee_in_another_coin_leaves_the_quantity() -> None:
    position = after_fill(FLAT, B, a_fill("1", "1", "100", fee="0.1", fee_currency="USDT"))
    position = after_fill(position, S, a_fill("2", "1", "100", fee="0.1", fee_currency="USDT"))
    assert position.is_flat
    assert position.fees == {"USDT": Decimal("0.2")}


def test_a_base_fee_beyond_what_is_held_is_owed_at_the_trades_price() -> None:
    sold_out = after_fill(after((B, "1", "100")), S, a_fill("2", "1", "120", fee="0.001", fee_currency="BTC"))
    assert shows(sold_out) == ("-0.001", "120", "20")
    eaten = after_fill(FLAT, B, a_fill("1", "1", "100", fee="1", fee_currency="BTC"))
    assert shows(eaten) == ("0", "0", "0")


amounts = st.integers(1, 10**36 - 1).map(lambda value: Decimal(value).scaleb(-18))
usual = st.integers(1, 10**8).map(lambda value: Decimal(value).scaleb(-4))


def fills_of(values: st.SearchStrategy[Decimal]) -> st.SearchStrategy[list[tuple[Side, Decimal, Decimal]]]:
    return st.lists(st.tuples(st.sampled_from(Side), values, values), max_size=8)


def folded(
    trades: list[tuple[Side, Decimal, Decimal]], fee: Callable[[int], Decimal] = lambda _: Decimal(0)
) -> Position:
    position = FLAT
    for number, (side, amount, price) in enumerate(trades):
        fill = Fill(
            trade_id=str(number),
            amount=amount,
            price=price,
            fee=fee(number),
            fee_currency="BTC",
            at=a_fill("", "1", "1").at,
        )
        position = after_fill(position, side, fill)
    return position


@given(fills_of(amounts))
@modestly(20)
def test_the_quantity_is_the_exact_sum_of_the_fills(trades: list[tuple[Side, Decimal, Decimal]]) -> None:
    expected = sum((Fraction(amount) * side.sign for side, amount, _ in trades), Fraction(0))
    assert Fraction(folded(trades).quantity) == expected


@given(fills_of(usual))
@modestly(20)
def test_base_fees_come_off_the_sum(trades: list[tuple[Side, Decimal, Decimal]]) -> None:
    fee = Decimal("0.0007")
    expected = sum((Fraction(amount) * side.sign - Fraction(fee) for side, amount, _ in trades), Fraction(0))
    position = folded(trades, lambda _: fee)
    assert Fraction(position.quantity) == expected
    assert Fraction(position.fees.get("BTC", Decimal(0))) == Fraction(fee) * len(trades)


@given(fills_of(usual))
@modestly(20)
def test_realised_less_cost_basis_is_the_cash_that_flowed(trades: list[tuple[Side, Decimal, Decimal]]) -> None:
    position = folded(trades)
    cash = -sum((Fraction(amount) * side.sign * Fraction(price) for side, amount, price in trades), Fraction(0))
    basis = Fraction(position.quantity) * Fraction(position.average_price)
    turnover = 1 + sum((Fraction(amount) for _, amount, _ in trades), Fraction(0))
    assert abs(Fraction(position.realised) - basis - cash) <= turnover * len(trades) / 10**17


@given(fills_of(usual))
@modestly(20)
def test_an_average_price_lies_between_the_prices_paid_and_a_flat_position_has_none(
    trades: list[tuple[Side, Decimal, Decimal]],
) -> None:
    position = folded(trades)
    if position.is_flat:
        assert position.average_price == 0
    else:
        prices = [price for _, _, price in trades]
        assert min(prices) <= position.average_price <= max(prices)
