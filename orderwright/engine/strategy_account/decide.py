"""What a strategy account decides when it is told something: events, nothing else. Duplicates yield none."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from orderwright.engine.instruments import Quote
from orderwright.engine.orders import CancelState
from orderwright.engine.outcomes import (
    CancelAnswered,
    LeverageAnswered,
    OrderSeen,
    PlacementAnswered,
    QuoteAnswered,
    Unclear,
)
from orderwright.engine.strategy_account import commands as c
from orderwright.engine.strategy_account.adopting import adopt, adoption_objection
from orderwright.engine.strategy_account.events import (
    CancelDoubted,
    CancellationOrdered,
    CapitalAllocated,
    Event,
    LeverageSet,
    LiquidationStarted,
    OrderDoubted,
    SignalAccepted,
    TermsAdopted,
    TradingPaused,
    TradingResumed,
)
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.placing import fresh_quote
from orderwright.engine.strategy_account.progress import Decided, advance, needing_leverage, needing_market, refused
from orderwright.engine.strategy_account.reconcile import cancel_answered, order_seen, placement_answered
from orderwright.engine.strategy_account.resolving import resolution_objection, resolve
from orderwright.engine.strategy_account.state import Context, State
from orderwright.engine.strategy_account.surfacing import take_in


def decide(state: State, message: c.Message, context: Context) -> list[Event]:
    """Return what happens when `message` arrives: its own consequences, then whatever has become possible by them."""
    return decide_and_evolve(state, message, context).events


def decide_and_evolve(state: State, message: c.Message, context: Context) -> Decided:
    """Return what `decide` does, with the state that follows."""
    if isinstance(message, QuoteAnswered) and isinstance(message.result, Quote):
        context = _with_quote(context, message.result)
    events: list[Event] = _DECISIONS[type(message)](state, message, context)
    after = evolve_all(state, events)
    if not context.is_reconciled:
        return Decided(events=events, state=after)
    more = advance(after, context)
    return Decided(events=[*events, *more.events], state=more.state, ended=more.ended)


def _adopt_terms(state: State, command: c.AdoptTerms, context: Context) -> list[Event]:
    return [] if state.terms == command.terms else [TermsAdopted(at=context.now, terms=command.terms)]


def _allocate_capital(state: State, command: c.AllocateCapital, context: Context) -> list[Event]:
    if state.capital.get(command.currency) == command.amount:
        return []
    return [CapitalAllocated(at=context.now, currency=command.currency, amount=command.amount, by=command.by)]


def _execute_signal(state: State, command: c.ExecuteSignal, context: Context) -> list[Event]:
    if command.sequence <= state.last_sequence:
        return []
    return [
        SignalAccepted(
            at=context.now,
            signal_id=command.signal_id,
            sequence=command.sequence,
            born_at=command.born_at,
            instructions=command.instructions,
        )
    ]


def _cancel_orders(state: State, command: c.CancelOrders, context: Context) -> list[Event]:
    if any(run.signal_id == command.command_id for run in state.operations):
        return []
    return [
        CancellationOrdered(
            at=context.now,
            command_id=command.command_id,
            by=command.by,
            why=command.why,
            symbol=command.symbol,
            side=command.side,
        )
    ]


def _liquidate(state: State, command: c.LiquidatePositions, context: Context) -> list[Event]:
    if state.liquidation is not None:
        return []
    return [LiquidationStarted(at=context.now, command_id=command.command_id, by=command.by, why=command.why)]


def _pause(state: State, command: c.PauseTrading, context: Context) -> list[Event]:
    if state.pause is not None:
        return []
    return [TradingPaused(at=context.now, by=command.by, why=command.why)]


def _resume(state: State, command: c.ResumeTrading, context: Context) -> list[Event]:
    if state.pause is None:
        return []
    return [TradingResumed(at=context.now, by=command.by, why=command.why)]


def _recover(state: State, _command: c.Recover, context: Context) -> list[Event]:
    events: list[Event] = []
    for order in state.orders.values():
        if order.is_unanswered:
            events.append(OrderDoubted(at=context.now, order_id=order.order_id, reason="restart before an answer"))
        if order.cancel is CancelState.REQUESTED:
            events.append(CancelDoubted(at=context.now, order_id=order.order_id, reason="restart before an answer"))
    return events


def _time_passed(_state: State, _command: c.TimePassed, _context: Context) -> list[Event]:
    return []


def _quote_answered(state: State, answer: QuoteAnswered, context: Context) -> list[Event]:
    reason = _why_unusable(answer, context)
    if reason is None:
        return []
    error = f"The price of {answer.symbol} could not be had: {reason}."
    symbol = context.market.symbol_of(answer.symbol)
    return [
        refused(run, leg, context, code="price_unavailable", error=error)
        for run, leg in needing_market(state, context, symbol)
    ]


def _leverage_answered(state: State, answer: LeverageAnswered, context: Context) -> list[Event]:
    problem = answer.problem
    if problem is None:
        is_news = state.leverages.get(answer.symbol) != answer.leverage
        return [LeverageSet(at=context.now, symbol=answer.symbol, leverage=answer.leverage)] if is_news else []
    if isinstance(problem, Unclear) or problem.again_after is not None:
        # It can be asked for again, and is, for as long as a leg waits for it.
        return []
    error = f"The leverage of {answer.symbol} could not be set: {problem.error}"
    return [
        refused(run, leg, context, code=problem.code, error=error)
        for run, leg in needing_leverage(state, context, answer.symbol)
    ]


def _why_unusable(answer: QuoteAnswered, context: Context) -> str | None:
    quote = answer.result
    if isinstance(quote, Unclear):
        return quote.reason
    if context.market.instruments is None:
        return "the exchange's markets are not loaded"
    if quote.symbol != context.market.symbol_of(answer.symbol):
        return f"the exchange answered with that of {quote.symbol}"
    if fresh_quote({quote.symbol: quote}, quote.symbol, context) is None:
        return "the last one is too old or not above zero"
    return None


def _with_quote(context: Context, quote: Quote) -> Context:
    # What was asked for counts, wherever else prices are kept and whenever they get there.
    quotes = {**context.market.quotes, quote.symbol: quote}
    return replace(context, market=replace(context.market, quotes=quotes))


def objection(state: State, command: c.Message, context: Context) -> str:
    """Return what speaks against an operator's command, as a sentence; empty if nothing does."""
    match command:
        case c.AdoptPosition():
            return adoption_objection(state, command) or ""
        case c.ResolveDoubt():
            return resolution_objection(state, command, context) or ""
    return ""


_DECISIONS: dict[type[Any], Callable[[State, Any, Context], list[Event]]] = {
    c.AdoptTerms: _adopt_terms,
    c.AllocateCapital: _allocate_capital,
    c.ExecuteSignal: _execute_signal,
    c.CancelOrders: _cancel_orders,
    c.LiquidatePositions: _liquidate,
    c.AdoptPosition: adopt,
    c.ResolveDoubt: resolve,
    c.PauseTrading: _pause,
    c.ResumeTrading: _resume,
    c.TakeInOrder: take_in,
    c.Recover: _recover,
    c.TimePassed: _time_passed,
    PlacementAnswered: placement_answered,
    CancelAnswered: cancel_answered,
    OrderSeen: order_seen,
    QuoteAnswered: _quote_answered,
    LeverageAnswered: _leverage_answered,
}
