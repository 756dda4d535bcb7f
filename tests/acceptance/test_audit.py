"""The audit itself: true evidence passes, and evidence in which one thing is not as it should be does not."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from orderwright.exchanges.paper.records import AccountBooks, BooksDump
from tests.acceptance.audit import Evidence, violations
from tests.acceptance.ordeal import Ordeal
from tests.acceptance.senders import Attempt, Webhook

pytestmark = [pytest.mark.slow, pytest.mark.ci_slice]


@pytest.fixture(scope="module")
def evidence(open_folder: Path) -> Iterator[Evidence]:
    with Ordeal.begun(open_folder, seed=4) as ordeal:
        ordeal.trade()
        ordeal.must_hold(settled=True)
        yield ordeal.evidence(settled=True)


def test_true_evidence_has_nothing_wrong_with_it(evidence: Evidence) -> None:
    assert violations(evidence) == []
    assert len(evidence.webhooks) >= 20
    assert sum(len(account.trades) for account in evidence.books.accounts) >= 5


def _without(evidence: Evidence, kind: str) -> Evidence:
    last = max(event.position for event in evidence.events if event.type == kind)
    return replace(evidence, events=tuple(event for event in evidence.events if event.position != last))


def _with_account(evidence: Evidence, change: Callable[[AccountBooks], AccountBooks]) -> Evidence:
    changed = [account for account in evidence.books.accounts if account.trades and account.orders]
    accounts = tuple(change(each) if each is changed[0] else each for each in evidence.books.accounts)
    return replace(evidence, books=replace(evidence.books, accounts=accounts))


def _with_books(evidence: Evidence, change: Callable[[BooksDump], BooksDump]) -> Evidence:
    return replace(evidence, books=change(evidence.books))


def _with_second_order(account: AccountBooks) -> AccountBooks:
    twin = replace(account.orders[0], number=9_999, client_order_id="another")
    return replace(account, orders=(*account.orders, twin))


def _sent_again(evidence: Evidence) -> Evidence:
    placed = {order.client_order_id: order for account in evidence.books.accounts for order in account.orders}
    requests = [event for event in evidence.events if event.type == "order_requested"]
    event = next(each for each in requests if json.loads(each.payload)["order_id"] in placed)
    payload = json.loads(event.payload)
    order = placed[payload["order_id"]]
    again = json.dumps({**payload, "order_id": "again", "attempt": 2})
    both = (event, replace(event, payload=again))
    events = [each for one in evidence.events for each in (both if one is event else (one,))]
    twin = replace(order, client_order_id="again", number=9_999)
    accounts = tuple(
        replace(each, orders=(*each.orders, twin)) if each.account == order.account else each
        for each in evidence.books.accounts
    )
    return replace(evidence, events=tuple(events), books=replace(evidence.books, accounts=accounts))


def _never_stored(evidence: Evidence) -> Evidence:
    webhook = Webhook("never", {}, gives_up=False)
    webhook.attempts.append(Attempt(began=0.0, ended=1.0, status=200, reply={"signal_id": "of nothing"}))
    return replace(evidence, webhooks=(*evidence.webhooks, webhook))


def _never_answered(evidence: Evidence) -> Evidence:
    return replace(evidence, webhooks=(*evidence.webhooks, Webhook("unheard", {}, gives_up=False)))


def _other_live_state(evidence: Evidence) -> Evidence:
    first, *rest = evidence.live
    return replace(evidence, live=({**first, "capital": {"USDT": "1"}}, *rest))


def _placed_before_wanted(account: AccountBooks) -> AccountBooks:
    early = msgspec.structs.replace(account.orders[0], placed_at=1)
    return replace(account, orders=(early, *account.orders[1:]))


def _other_amount(account: AccountBooks) -> AccountBooks:
    more = replace(account.orders[0], amount=account.orders[0].amount + Decimal(1))
    return replace(account, orders=(more, *account.orders[1:]))


@pytest.mark.parametrize(
    ("spoil", "found_by"),
    [
        (lambda true: _without(true, "order_requested"), "no_order_without_an_intent"),
        (lambda true: _without(true, "fill_recorded"), "nothing_lost"),
        (lambda true: _without(true, "fill_recorded"), "positions_equal"),
        (lambda true: _without(true, "order_accepted"), "nothing_lost"),
        (lambda true: _without(true, "order_closed"), "nothing_lost"),
        (lambda true: _without(true, "signal_finished"), "every_signal_ends"),
        (lambda true: _with_account(true, _with_second_order), "no_order_without_an_intent"),
        (lambda true: _with_account(true, _placed_before_wanted), "no_order_without_an_intent"),
        (lambda true: _with_account(true, _other_amount), "no_order_without_an_intent"),
        (lambda true: _with_account(true, lambda books: replace(books, orders=books.orders[1:])), "nothing_lost"),
        (lambda true: _with_account(true, lambda books: replace(books, trades=books.trades[1:])), "nothing_lost"),
        (
            lambda true: _with_books(true, lambda books: replace(books, arrivals=books.arrivals * 2)),
            "nothing_doubled",
        ),
        (_sent_again, "nothing_doubled"),
        (_never_stored, "promises_are_kept"),
        (_never_answered, "promises_are_kept"),
        (_other_live_state, "replay_is_live_state"),
    ],
)
def test_evidence_with_one_thing_wrong_is_found_out(
    evidence: Evidence, spoil: Callable[[Evidence], Evidence], found_by: str
) -> None:
    assert any(wrong.startswith(f"{found_by}: ") for wrong in violations(spoil(evidence)))
