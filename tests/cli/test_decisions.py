"""`adopt` and `resolve` from the command line: what is done, what is refused, and how that ends."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run, Traded
from tests.processes import EngineProcess, Place, installation

pytestmark = pytest.mark.processes

DECLARATION = """
[[users]]
name = "alice"
[[accounts]]
name = "A1"
owner = "alice"
exchange = "paper"
balances = { USDT = "1000", BTC = "1" }
[[strategies]]
group_name = "coins"
owner = "alice"
market_type = "SPOT"
[[links]]
strategy = "coins"
account = "A1"
capital = { USDT = "1000" }
"""

ADOPT = ("--price", 60_000, "--why", "bought by hand")


def test_coins_are_adopted_once_for_an_id_and_never_more_than_there_are(run: Run, open_folder: Path) -> None:
    with installation(open_folder, '[paper]\nfeed = "fixed"\n') as place:
        place.apply(DECLARATION)
        with EngineProcess(place) as engine:
            engine.ready()
            once = ("adopt", "coins@A1", "BTC/USDT", "0.4", *ADOPT, "--id", "k1", *place.options)
            assert run(*once).out == "0.4 BTC/USDT adopted.\n"
            assert run(*once).out == "That was done before.\n"
            refused = run("adopt", "coins@A1", "BTC/USDT", "0.7", *ADOPT, *place.options)
            assert (refused.code, "holds 0.6" in refused.err) == (7, True)
            done = run("adopt", "coins@A1", "BTCUSDT", "0.6", *ADOPT, *place.options, "--json").json
            assert (done["done"], done["changed"], done["account"]) == (True, True, "strategy-account/coins@A1")
        adopted = run("log", *place.options, "--type", "position_adopted").out
        assert adopted.count("why=bought by hand") == 2


def test_what_is_not_in_doubt_is_not_resolved(run: Run, traded: Traded) -> None:
    words = ("resolve", "test1@A1", "nobody", "never_placed", "--why", "gone")
    refused = run(*words, *traded.options)
    assert (refused.code, "no unfinished order nobody" in refused.err) == (7, True)
    placed = run("resolve", "test1@A1", "x", "placed", "--why", "there", "--exchange-order-id", "9", *traded.options)
    assert placed.code == 7


@pytest.mark.parametrize(
    "words",
    [
        ("adopt", "coins", "BTC/USDT", "1", *ADOPT),
        ("adopt", "coins@A1", "BTC/USDT", "1", "--price", "1"),
        ("resolve", "coins@A1", "o1", "perhaps", "--why", "so"),
    ],
)
def test_a_decision_that_makes_no_sense_is_wrong_usage(run: Run, stopped: Place, words: tuple[object, ...]) -> None:
    assert run(*words, *stopped.options).code == 2


def test_without_an_engine_nothing_is_decided(run: Run, stopped: Place) -> None:
    done = run("adopt", "coins@A1", "BTC/USDT", "1", *ADOPT, *stopped.options)
    assert done.code == 1
    assert "no engine runs" in done.err
