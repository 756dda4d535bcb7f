"""What an exchange shows of an order's fills that is not booked yet: its trades, else how much more has filled."""

from orderwright.engine.money import ZERO, add_even, divide_even, multiply, plain, subtract
from orderwright.engine.orders import Differences, Fill, Order
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.engine.strategy_account.state import Context


def new_fills(order: Order, seen: ExchangeOrder, context: Context) -> tuple[list[Fill], bool]:
    """Return the fills to book, and whether they are differences of the filled amount.

    Which of the two is settled by the order's first fill: a trade that is told of after its difference was booked
    would count twice.
    """
    if order.differences is not None:
        return _difference(order, seen, context), True
    has_trades = bool(order.trade_ids or seen.fills)
    if has_trades or order.filled or context.market.traits.tells_trades:
        return _trades(order, seen), False
    return _difference(order, seen, context), True


def _trades(order: Order, seen: ExchangeOrder) -> list[Fill]:
    known = set(order.trade_ids)
    fills = []
    for fill in seen.fills:
        if fill.trade_id not in known and fill.amount > ZERO:
            known.add(fill.trade_id)
            fills.append(fill)
    return fills


def _difference(order: Order, seen: ExchangeOrder, context: Context) -> list[Fill]:
    if seen.filled <= order.filled:
        return []
    booked = order.differences or Differences()
    amount = subtract(seen.filled, order.filled)
    average = seen.average_price or order.price or order.reference_price
    cost = add_even(multiply(seen.filled, average), booked.cost.copy_negate())
    fee = add_even(seen.fee, booked.fee.copy_negate())
    fill = Fill(
        trade_id=f"filled {plain(seen.filled)}",
        amount=amount,
        # An average that was rounded can make a small difference cost nothing, or less.
        price=divide_even(cost, amount) if cost > ZERO else average,
        fee=max(fee, ZERO),
        fee_currency=seen.fee_currency or order.quote,
        at=context.now,
    )
    return [fill]
