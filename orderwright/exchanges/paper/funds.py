"""What an account of the paper exchange has, holds back and may risk: balances, locks, margin, leverage."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.money import ZERO, add, plain, subtract
from orderwright.exchanges.paper.ledger import Ledger
from orderwright.exchanges.paper.markets import Fees, Venue
from orderwright.exchanges.paper.matching import (
    Execution,
    Settlement,
    futures_need,
    position_margin,
    reducible,
    settle_futures,
    settle_spot,
    share_of_lock,
    spot_need,
    unrealised,
)
from orderwright.exchanges.paper.profiles import Profile, profile_named
from orderwright.exchanges.paper.quotes import Quotes
from orderwright.exchanges.paper.records import PaperAccount, PaperOrder, PaperPosition, SymbolLeverage
from orderwright.exchanges.paper.words import Objection, Reason
from orderwright.moments import Micros

Markets = Mapping[tuple[MarketType, str], Instrument]


class Funds:
    """The accounts and their money. Not thread-safe; every change needs an open transaction of the books."""

    def __init__(self, books: Ledger, quotes: Quotes, *, venue: Venue, markets: Markets) -> None:
        self._books = books
        self._quotes = quotes
        self._venue = venue
        self._markets = markets
        self._accounts = books.accounts()
        self._leverages = books.leverages()

    def has_account(self, name: str) -> bool:
        """Return whether the account was opened."""
        return name in self._accounts

    def profile(self, account: str) -> Profile:
        """Return the account's profile; the plain one for an account that does not exist."""
        known = self._accounts.get(account)
        return profile_named(None if known is None else known.profile, self._venue.profiles)

    def open_account(self, opened: PaperAccount, balances: Mapping[str, Decimal]) -> None:
        """Open an account with its first balances; one that exists only takes over the profile."""
        known = self._accounts.get(opened.name)
        if known is None:
            self._books.add_account(opened, balances)
            self._accounts[opened.name] = opened
        elif known.profile != opened.profile:
            changed = replace(known, profile=opened.profile)
            self._books.set_account(changed)
            self._accounts[opened.name] = changed

    def leverage(self, account: str, symbol: str) -> Decimal:
        """Return the leverage with which the account trades futures of a symbol."""
        return self._leverages.get((account, symbol)) or self._accounts[account].leverage

    def set_leverage(self, account: str, symbol: str, leverage: Decimal, *, now: Micros) -> Objection | None:
        """Let the account trade a symbol with this leverage; what orders hold back stays as it is.

        Lowering it is refused where the open position would tie up more than there is.
        """
        market = self._markets.get((MarketType.FUTURES, symbol))
        if market is None or MarketType.FUTURES not in self.profile(account).market_types:
            return Objection(reason=Reason.MARKET, words=f"there is no futures market {symbol}")
        most = self._venue.most_leverage
        if not leverage.is_finite() or not 1 <= leverage <= most:
            return Objection(reason=Reason.LEVERAGE, words=f"leverage must be from 1 to {plain(most)}")
        before = self.leverage(account, symbol)
        self._leverages[account, symbol] = leverage
        if leverage < before and self._books.position(account, symbol).amount:
            free = self._free(account, market.quote, now, with_profit=True)
            if free < ZERO:
                self._leverages[account, symbol] = before
                short = plain(free.copy_abs())
                words = f"insufficient margin: {short} {market.quote} are missing for a leverage of {plain(leverage)}"
                return Objection(reason=Reason.LEVERAGE_MARGIN, words=words)
        self._books.set_leverage(SymbolLeverage(account=account, symbol=symbol, leverage=leverage))
        return None

    def needed(self, order: PaperOrder, price: Decimal, *, now: Micros) -> tuple[str, Decimal] | Objection:
        """Return what the order must hold back to trade at `price`, or why it cannot; what it holds already is free."""
        market = self._markets[order.market_type, order.symbol]
        if market.market_type is MarketType.FUTURES:
            return self._margin(order, market, price, now)
        fee = ZERO if self._takes_fee_in_base(order.account) else self._fees.highest
        currency, need = spot_need(order.side, order.remaining, instrument=market, price=price, highest_fee=fee)
        free = self._free(order.account, currency, now, with_profit=False)
        if currency == order.locked_currency:
            free = add(free, order.locked)
        if need <= free:
            return currency, need
        return Objection(reason=Reason.BALANCE, words=_short_of("balance", currency, need, free))

    def hold(self, order: PaperOrder) -> None:
        """Hold back what the order locks."""
        self._lock(order, order.locked)

    def release(self, order: PaperOrder) -> None:
        """Give back what the order locks."""
        self._lock(order, order.locked.copy_negate())

    def settle(self, order: PaperOrder, execution: Execution, position: PaperPosition | None) -> Settlement:
        """Move what the order's execution moves, and give back what it held for that part; `position` of futures."""
        market = self._markets[order.market_type, order.symbol]
        if position is None:
            moved = settle_spot(market, execution, fee_in_base=self._takes_fee_in_base(order.account))
        else:
            moved = settle_futures(market, position, execution)
        held = share_of_lock(order, subtract(order.remaining, moved.amount))
        released = {order.locked_currency: subtract(held, order.locked)} if order.locked else {}
        for currency in {**moved.changes, **released}:
            total, locked = moved.changes.get(currency, ZERO), released.get(currency, ZERO)
            self._books.change_balance(order.account, currency, total=total, locked=locked)
        if moved.position is not None:
            self._books.set_position(order.account, moved.position)
        return moved

    @property
    def _fees(self) -> Fees:
        return self._venue.fees

    def _takes_fee_in_base(self, account: str) -> bool:
        wish = self.profile(account).fee_in_base
        return self._fees.spot_buys_in_base if wish is None else wish

    def _lock(self, order: PaperOrder, amount: Decimal) -> None:
        if amount:
            self._books.change_balance(order.account, order.locked_currency, total=ZERO, locked=amount)

    def _margin(
        self, order: PaperOrder, market: Instrument, price: Decimal, now: Micros
    ) -> tuple[str, Decimal] | Objection:
        takes_off = reducible(self._books.position(order.account, order.symbol), order.side)
        if order.reduce_only:
            words = f"reduce-only order rejected: no {order.symbol} position to reduce"
            no = Objection(reason=Reason.NOTHING_TO_REDUCE, words=words)
            return (market.quote, ZERO) if takes_off else no
        if takes_off:
            takes_off = max(ZERO, subtract(takes_off, self._books.remaining(order.account, order.symbol, order.side)))
        raised = max(ZERO, subtract(order.remaining, takes_off))
        if not raised:
            # Who only lowers a position is let go, even without the fee at hand.
            return market.quote, ZERO
        leverage = self.leverage(order.account, order.symbol)
        need = futures_need(
            raised, amount=order.remaining, price=price, leverage=leverage, highest_fee=self._fees.highest
        )
        free = self._free(order.account, market.quote, now, with_profit=True)
        if need <= free:
            return market.quote, need
        return Objection(reason=Reason.MARGIN, words=_short_of("margin", market.quote, need, free))

    def _free(self, account: str, currency: str, now: Micros, *, with_profit: bool) -> Decimal:
        balance = self._books.balance(account, currency)
        free, profit = subtract(balance.total, balance.locked), ZERO
        for position in self._books.positions(account):
            if self._markets[MarketType.FUTURES, position.symbol].quote != currency:
                continue
            free = subtract(free, position_margin(position, self.leverage(account, position.symbol)))
            price = self._quotes.price(position.symbol, now)
            profit = profit if price is None else add(profit, unrealised(position, price))
        return add(free, profit if with_profit else min(profit, ZERO))


def _short_of(what: str, currency: str, need: Decimal, free: Decimal) -> str:
    return f"insufficient {what}: {plain(need)} {currency} needed, {plain(free)} {currency} free"
