"""How `orderwright status` says in one word or two how a strategy account is."""

from typing import Any

import pytest

from orderwright.cli.operate import _row

ROW = {"strategy": "test1", "account_name": "A1", "active": True, "halted": None, "exchange_trouble": None, "why": ""}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"condition": "active"}, "active"),
        ({"condition": "active", "active": False}, "active, strategy off"),
        (
            {"condition": "exchange_unreachable", "exchange_trouble": "no route", "why": "no route"},
            "exchange_unreachable: no route",
        ),
        (
            {"condition": "paused", "exchange_trouble": "no route", "why": "news"},
            "exchange unreachable, paused: news",
        ),
        ({"condition": "active", "halted": "Trading is halted."}, "halted, active"),
    ],
)
def test_a_strategy_accounts_condition_is_told_with_what_stands_in_its_way(told: dict[str, Any], said: str) -> None:
    assert _row(ROW | told)[1] == said
