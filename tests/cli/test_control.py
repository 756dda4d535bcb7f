"""What an operator tells a running engine from the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import DECLARATION, Run
from tests.processes import EngineClient, EngineProcess, Place, installation

pytestmark = pytest.mark.processes


class Stage:
    """An engine, a command line on its data directory, and the strategy's webhook."""

    def __init__(self, place: Place, client: EngineClient, run: Run, token: str) -> None:
        self._place = place
        self._client = client
        self._run = run
        self._token = token

    def run(self, command: str, *words: object) -> str:
        done = self._run(command, *words, *self._place.options)
        assert (done.code, done.err) == (0, "")
        return done.out

    def refused(self, command: str, *words: object) -> tuple[int, str]:
        done = self._run(command, *words, *self._place.options)
        return done.code, done.err

    def order(self, order_type: str = "MARKET", **more: object) -> str:
        body = {"group_name": "test1", "token": self._token, "symbol": "BTC/USDT", "order_type": order_type}
        (result,) = self._client.webhook(body | {"side": "buy", "qty": "0.01"} | more).json()["results"]
        return str(result.get("code") or result["status"])

    @property
    def row(self) -> dict[str, object]:
        rows: list[dict[str, object]] = self._run("status", *self._place.options, "--json").json["strategy_accounts"]
        return rows[0]


@pytest.fixture
def stage(open_folder: Path, run: Run) -> Iterator[Stage]:
    with installation(open_folder, '[paper]\nfeed = "fixed"\n') as place:
        token = place.apply(DECLARATION)["tokens"][0]["token"]
        with EngineProcess(place) as engine, engine.ready().client() as client:
            yield Stage(place, client, run, token)


def test_a_strategy_account_is_paused_and_resumed(stage: Stage) -> None:
    assert stage.run("pause", "test1@A1", "--why", "drill") == "test1@A1 is paused.\n"
    assert (stage.row["condition"], stage.order(id="1")) == ("paused", "paused")
    assert stage.run("resume", "test1@A1", "--why", "over") == "test1@A1 trades again.\n"
    assert stage.order(id="2") == "success"


def test_orders_are_cancelled_and_what_is_held_is_closed(stage: Stage) -> None:
    assert [stage.order(), stage.order("LIMIT", price=10_000), stage.order("LIMIT", price=10_001)] == ["success"] * 3
    said = stage.run("cancel-all", "test1@A1", "--why", "drill", "--symbol", "ETH/USDT")
    assert said == "test1@A1: 0 cancelled, 0 failed, 0 in doubt.\n"
    said = stage.run("cancel-all", "test1@A1", "--why", "drill")
    assert said == "test1@A1: 2 cancelled, 0 failed, 0 in doubt.\n"
    assert stage.run("liquidate", "test1@A1", "--why", "drill") == "test1@A1 holds nothing any more.\n"
    assert stage.row["orders"] == []


def test_a_halt_and_its_end(stage: Stage) -> None:
    assert stage.order() == "success"
    said = stage.run("halt", "--account", "A1", "--why", "drill")
    assert said.startswith("Nothing more leaves for account A1.\nCloses are refused as well, for good; ")
    said = stage.run("halt", "--liquidate", "--why", "worse")
    assert said == "Nothing more leaves for everything.\nstrategy-account/test1@A1: done\n"
    assert stage.order(id="1") == "halted"
    said = stage.run("lift", "--why", "over")
    assert said.startswith("The halt of everything is over.\nStill halted: account A1 by ")
    assert stage.run("lift", "--account", "A1", "--why", "over") == "The halt of account A1 is over.\n"
    assert stage.order(id="2") == "success"


def test_alarms_are_none_and_who_is_well_may_be_revived(stage: Stage) -> None:
    assert stage.run("alarms") == "No alarm is on.\n"
    assert stage.run("revive", "test1@A1") == "test1@A1 takes commands again.\n"


def test_what_does_not_exist_is_told(stage: Stage) -> None:
    code, said = stage.refused("halt", "--account", "A9", "--why", "drill")
    assert (code, "A9" in said) == (7, True)
    code, said = stage.refused("pause", "test1@A9", "--why", "drill")
    assert code == 7
    code, said = stage.refused("pause", "test1", "--why", "drill")
    assert (code, "test1 is no STRATEGY@ACCOUNT" in said) == (2, True)
    code, said = stage.refused("halt", "--account", "A1", "--strategy", "test1", "--why", "drill")
    assert (code, "not both" in said) == (2, True)


def test_without_an_engine_the_cure_is_told(stopped: Place, run: Run) -> None:
    done = run("halt", "--why", "drill", *stopped.options)
    assert done.code == 1
    assert "orderwright serve" in done.err
