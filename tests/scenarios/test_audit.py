"""What an auditor finds in the log of an engine that has stopped, and what nobody may find there."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec import Struct
from psycopg import sql

from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineProcess, Place, database_kept_running, installation, orderwright
from tests.scenarios.desk import Desk

STREAM = "storied700@one700"


class History(Struct, frozen=True, kw_only=True):
    """An installation whose engine has stopped, and what was true at two versions of its one strategy account."""

    place: Place
    half_way: dict[str, Any]
    at_the_end: dict[str, Any]
    tokens: dict[str, str]
    said: str
    replies: list[tuple[str, str]]


@pytest.fixture(scope="module")
def history(open_folder: Path, exchange: PaperProcess) -> Iterator[History]:
    with installation(open_folder, '[logging]\nlevel = "DEBUG"\n') as place, EngineProcess(place) as engine:
        with engine.ready().client() as client:
            strategy = Desk(client, exchange, 700).strategy("storied", "one")
            strategy.market("buy", qty="0.02")
            half_way = strategy.state()
            strategy.limit("sell", 110_000, ref="out")
            strategy.market("sell", qty=None, qty_per=-50)
            at_the_end = strategy.state()
            running = orderwright("status", *place.options, "--json").json
            assert running["strategy_accounts"][0]["orders"][0]["ref"] == "out"
            assert running["health"]["ready"] is True
            assert running["engine"] == engine.url
            # What leads nowhere must not leave a trace of the token either.
            client.webhook(b"{", path=f"/webhook/{strategy.tokens['alice']}")
            client.get(f"/webhook/{strategy.tokens['alice']}")
            client.get(f"/api/signals/{strategy.tokens['alice']}", strategy.tokens["alice"])
            local = json.loads((place.data / "engine.json").read_text())["token"]
        assert engine.terminate() == 0
        tokens = {"webhook": strategy.tokens["alice"], "admin": place.admin_token, "local": local}
        yield History(
            place=place,
            half_way=half_way,
            at_the_end=at_the_end,
            tokens=tokens,
            said=engine.errors,
            replies=client.replies,
        )


def test_log_tells_every_event_in_order_one_json_object_a_line(history: History) -> None:
    rows = [json.loads(line) for line in orderwright("log", *history.place.options, "--json").out.splitlines()]

    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert {row["stream"] for row in rows} == {"catalogue", "inbox/storied700", f"strategy-account/{STREAM}"}
    requested = next(row for row in rows if row["type"] == "order_requested")
    received = next(row for row in rows if row["type"] == "signal_received")
    assert requested["correlation"] == received["correlation"]
    assert requested["payload"]["amount"] == "0.02"


def test_replay_shows_the_state_now_and_at_an_earlier_version_and_moment(history: History) -> None:
    def replayed(*options: object) -> dict[str, Any]:
        found: dict[str, Any] = orderwright("replay", STREAM, *history.place.options, "--json", *options).json
        return found

    now = replayed()
    then = replayed("--version", history.half_way["version"])
    same = replayed("--at", then["recorded_at"])

    assert now["version"] == history.at_the_end["version"]
    assert then["version"] == same["version"] == history.half_way["version"]
    assert then["state"] == same["state"]
    quantities = [Decimal(found["state"]["positions"]["BTC/USDT"]["quantity"]) for found in (then, now)]
    assert quantities == [Decimal("0.02"), Decimal("0.01")]
    assert (then["state"]["orders"], [order["ref"] for order in now["state"]["orders"].values()]) == ({}, ["out"])


def test_status_of_a_stopped_engine_is_what_the_log_says(history: History) -> None:
    status = orderwright("status", *history.place.options, "--json").json

    (account,) = status["strategy_accounts"]
    assert (status["engine"], status["health"]) == (None, None)
    told = {name: history.at_the_end[name] for name in ("version", "positions", "orders", "capital", "condition")}
    assert {name: account[name] for name in told} == told


def test_a_token_is_nowhere_but_in_the_one_reply_that_showed_it(history: History) -> None:
    with database_kept_running(history.place.data) as server, psycopg.connect(server.owner_conninfo) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows = [
            str(connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(*table))).fetchall())
            for table in tables
        ]
    assert any("signal_received" in text for text in rows)
    files = [Path(folder) / name for folder, _, names in os.walk(history.place.data) for name in names]
    for kind, token in history.tokens.items():
        secret = token.partition("_")[2]
        assert len(secret) >= 43, kind
        assert not [text for text in rows if secret in text], f"the {kind} token is in the database"
        assert secret not in history.said, f"the {kind} token is on stderr"
        assert [path for path, text in history.replies if secret in text] == (
            ["/api/v1/declarations"] if kind == "webhook" else []
        )
        holding = [file for file in files if file.is_file() and secret.encode() in file.read_bytes()]
        assert holding == [], f"the {kind} token is on disk"
    assert "DEBUG" in history.said
