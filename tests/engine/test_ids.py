"""Client order ids: pure, short, and telling whose they are without the log."""

from hypothesis import given
from hypothesis import strategies as st

from orderwright.engine.ids import account_number_of, client_order_id
from tests.engine.given import modestly, numbered


def made(leg: int = 0, attempt: int = 1, account_number: int = 7) -> str:
    return client_order_id(salt="salt5", account_number=account_number, signal_id=numbered(1), leg=leg, attempt=attempt)


def test_the_same_leg_and_attempt_always_give_the_same_id_and_others_another() -> None:
    assert made() == made()
    assert len({made(), made(leg=1), made(attempt=2), made(account_number=8)}) == 4


@given(st.integers(0, 36**5 - 1))
@modestly(20)
def test_an_id_is_at_most_32_of_a_to_z_and_0_to_9_and_names_its_strategy_account(number: int) -> None:
    order_id = made(account_number=number)
    assert len(order_id) == 32
    assert set(order_id) <= set("0123456789abcdefghijklmnopqrstuvwxyz")
    assert account_number_of(order_id, salt="salt5") == number


def test_ids_that_this_installation_cannot_have_made_are_nobodys() -> None:
    tail = made()[10:]
    for foreign in (
        "",
        "web_123",
        made()[:-1],
        "other" + made()[5:],
        *(f"salt5{odd}{tail}" for odd in ("+0007", "00_07", " 0007", "0000\N{ARABIC-INDIC DIGIT SEVEN}", "0000A")),
    ):
        assert account_number_of(foreign, salt="salt5") is None
