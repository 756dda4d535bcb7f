"""The reference names everything that there is, and nothing that is not; its examples are read by the engine itself."""

import ast
import re
from collections.abc import Iterator

import msgspec
import pytest
from typer.main import get_command

from orderwright.cli import exits
from orderwright.cli.main import app
from orderwright.config.load import defaults
from orderwright.engine.catalogue.declaration import (
    DeclaredAccount,
    DeclaredLink,
    DeclaredStrategy,
    DeclaredUser,
)
from orderwright.engine.money import plain
from orderwright.exchanges.paper.conditions import Conditions
from orderwright.exchanges.paper.faults import OPERATIONS, FaultKind
from orderwright.exchanges.paper.markets import DEFAULT_MARKETS, START_PRICES
from orderwright.exchanges.paper.profiles import PROFILES
from orderwright.http.problems import STATUSES
from orderwright.http.texts import LEG_TEXTS_KO
from orderwright.http.webhook_body import ParsedWebhook, parse_webhook
from orderwright.moments import SECOND, Micros
from tests.repository.events_page import PAGE, events_page
from tests.repository.walk import ROOT

REFERENCE = ROOT / "docs" / "reference"
JSON = re.compile(r"```json\n(.*?)```", re.DOTALL)
TRADINGVIEW = {
    "{{ticker}}": "BTCUSDT",
    "{{strategy.order.action}}": "buy",
    "{{timenow}}": "2026-11-21T09:30:00Z",
}


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text("utf-8")


def named(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def rows(text: str, columns: int) -> Iterator[tuple[str, ...]]:
    for line in text.splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split(" | "))
        if line.startswith("|") and len(cells) == columns:
            yield cells


def test_the_reference_has_every_event_with_its_payload() -> None:
    assert PAGE.read_text("utf-8") == events_page(), "run `python -m tests.repository.events_page`"


def test_the_reference_has_every_setting_with_its_default() -> None:
    listed = {cells[0].strip("`"): cells[1].strip("`") for cells in rows(page("configuration"), 3)}
    expected: dict[str, object] = {}
    for name, value in defaults().items():
        expected |= {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    shown = {key: ast.literal_eval(text) for key, text in listed.items() if key != "key"}
    assert shown == expected


def test_the_reference_has_every_problem_code_at_its_status() -> None:
    listed = {
        code: int(cells[0]) for cells in rows(page("webhook"), 2) if cells[0].isdigit() for code in named(cells[1])
    }
    codes = {code: status for code, status in listed.items() if code in STATUSES}
    assert codes == dict(STATUSES)


def test_the_reference_has_every_code_of_a_result() -> None:
    told = page("webhook").partition("Codes of a single result:")[2]
    assert set(LEG_TEXTS_KO) - {"halted"} <= named(told)


def test_the_reference_has_every_command_with_its_options() -> None:
    text = page("commands")
    command = get_command(app)
    for name, own in command.commands.items():  # type: ignore[attr-defined]
        assert f"`orderwright {name}" in text, name
        for parameter in own.params:
            for option in parameter.opts:
                assert not option.startswith("--") or option in text, f"{name} {option}"


def test_the_reference_has_every_exit_code() -> None:
    listed = {int(cells[0]) for cells in rows(page("commands"), 2) if cells[0].isdigit()}
    assert listed == {value for name, value in vars(exits).items() if name.isupper()}


@pytest.mark.parametrize("kind", [DeclaredUser, DeclaredAccount, DeclaredStrategy, DeclaredLink])
def test_the_reference_has_every_key_of_a_declaration(kind: type[msgspec.Struct]) -> None:
    section = {DeclaredUser: "users", DeclaredAccount: "accounts", DeclaredStrategy: "strategies"}.get(kind, "links")
    told = page("declaration").partition(f"`[[{section}]]`")[2].partition("`[[")[0]
    keys = {key for cells in rows(told, 2) for key in named(cells[0])} - {"key"}
    assert keys == {field.name for field in msgspec.structs.fields(kind)}


def test_the_reference_has_every_market_of_the_paper_exchange() -> None:
    listed = {cells[0]: cells[1:] for cells in rows(page("paper-exchange"), 5)}
    for market in DEFAULT_MARKETS:
        figures = (market.step, market.tick, market.min_notional, START_PRICES[market.symbol])
        shown = tuple(text.replace(",", "") for text in listed[f"{market.market_type} {market.symbol}"])
        assert shown == tuple(map(plain, figures))


def test_the_reference_has_every_fault_of_the_paper_exchange() -> None:
    names = named(page("paper-exchange"))
    assert {kind.value for kind in FaultKind} <= names
    assert set(OPERATIONS.values()) <= names


def test_the_reference_has_every_condition_profile_and_address_of_the_paper_exchange() -> None:
    text = page("paper-exchange")
    conditions = {field.name for field in msgspec.structs.fields(Conditions)}
    assert conditions | set(PROFILES) <= named(text)
    source = (ROOT / "orderwright" / "exchanges" / "paper" / "api.py").read_text("utf-8")
    assert [route for route in _routes(source) if route not in text] == []


def test_the_reference_has_every_address_of_the_engine() -> None:
    text = page("http")
    source = (ROOT / "orderwright" / "http" / "app.py").read_text("utf-8")
    assert [route for route in _routes(source) if route.replace(":uuid", "") not in text] == []


def _routes(source: str) -> list[str]:
    return re.findall(r'add_route\(\s*"([^"]+)"', source)


@pytest.mark.parametrize("name", ["docs/reference/webhook.md", "docs/tutorial/index.md"])
def test_every_webhook_shown_is_one_that_the_engine_understands(name: str) -> None:
    shown = JSON.findall((ROOT / name).read_text("utf-8"))
    assert shown
    for body in shown:
        text = body
        for placeholder, value in TRADINGVIEW.items():
            text = text.replace(placeholder, value)
        parsed = parse_webhook(text.encode(), now=Micros(2_000_000_000 * SECOND))
        assert isinstance(parsed, ParsedWebhook), parsed
        assert parsed.notices == ()
