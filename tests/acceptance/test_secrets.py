"""Secrets planted everywhere, an engine through errors of every kind: no secret is where anybody might read it."""

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import psycopg
import pytest
from msgspec import Struct
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.acceptance.database import OrdealDatabase, distant_database
from tests.acceptance.hostile import HEAD
from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineClient, EngineProcess, Place, installation, orderwright, wait_until
from tests.upkeep.trading import Trader, trader_on

CONFIG = """
[logging]
level = "DEBUG"
format = "{format}"
[orders]
call_timeout = "500ms"
valid_for = "1s"
poll_interval = "200ms"
[http]
webhook_wait = "500ms"
[database]
url = "postgresql://{user}:{password}@127.0.0.1:{port}/{dbname}?sslmode=disable"
"""
_WHILE_IT_RUNS = (("status",), ("alarms",), ("pause", "no", "such"), ("serve", "--port", "1"))
_WITHOUT_IT = (("log",), ("log", "--json"), ("replay", "test1@A1"), ("verify",), ("status", "--json"))


class Canaries:
    """Secrets by what they are; `planted` makes one up that nobody else has ever seen."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def planted(self, kind: str) -> str:
        return self.known.setdefault(kind, f"owt_canary{token_hex(24)}")


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything that was said or written, by where, and the secrets that must not be in it."""

    secrets: Mapping[str, str]
    texts: Mapping[str, bytes]


@pytest.fixture(params=["text", "json"])
def evidence(request: pytest.FixtureRequest, open_folder: Path) -> Iterator[Evidence]:
    canaries, home = Canaries(), open_folder / f"secrets-{request.param}"
    home.mkdir(mode=0o711)
    with distant_database(home / "database") as database:
        config = configuration(database, canaries.planted("the database's password"), request.param)
        with installation(home, config) as place:
            exchange = PaperProcess(home / "exchange")
            try:
                yield gathered(place, database, exchange, canaries)
            finally:
                exchange.kill()
    shutil.rmtree(home)


def configuration(database: OrdealDatabase, password: str, log_format: str) -> str:
    assert database.line is not None
    parts = conninfo_to_dict(database.line.conninfo)
    return CONFIG.format(
        format=log_format, user=parts["user"], password=password, port=parts["port"], dbname=parts["dbname"]
    )


def gathered(place: Place, database: OrdealDatabase, exchange: PaperProcess, canaries: Canaries) -> Evidence:
    """Run an engine into every kind of error, kill it, and gather what is left."""
    trader = trader_on(place, url=exchange.url)
    secrets = {"a webhook token": trader.token, "the administrator's token": place.admin_token}
    texts: dict[str, bytes] = {}
    with EngineProcess(place).ready() as engine, engine.client() as client:
        secrets["the local token"] = json.loads((place.data / "engine.json").read_text())["token"]
        nonsense(client, engine, trader, canaries)
        bad_exchange(client, exchange, trader)
        texts |= commands(place, _WHILE_IT_RUNS)
        bad_database(client, database, trader)
        engine.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "These are all" in engine.errors, what="the stacks")
        texts["command line"] = Path(f"/proc/{engine.process.pid}/cmdline").read_bytes()
        assert "Max core file size        0" in Path(f"/proc/{engine.process.pid}/limits").read_text()
        engine.process.send_signal(signal.SIGABRT)
        engine.process.wait(30)
        texts |= {"stdout": engine.said.encode(), "stderr": engine.errors.encode()}
        texts |= {f"reply {number} of {path}": text.encode() for number, (path, text) in enumerate(client.replies)}
    texts |= commands(place, _WITHOUT_IT) | tables(database) | files(place)
    return Evidence(secrets=secrets | canaries.known, texts=texts)


def nonsense(client: EngineClient, engine: EngineProcess, trader: Trader, canaries: Canaries) -> None:
    """Send secrets where they do not belong, in requests that fail in every way there is."""
    trader.placed(client)
    wrong, stray = canaries.planted("a mistyped token"), canaries.planted("a secret in a field of the sender's own")
    trader.order(client, token=wrong)
    trader.order(client, password=stray, comment={"api_secret": stray})
    trader.order(client, side=stray)
    for token in (trader.token, wrong):
        client.webhook(b'{"token": "%s", ' % token.encode())
        client.webhook(b"{}", path=f"/webhook/{token}")
        client.webhook(b" " * 70_000, path=f"/webhook/{token}")
        client.get(f"/webhook/{token}")
        client.get(f"/nowhere/{token}?token={token}", token)
        client.get(f"/api/signals/{token}", token)
        client.get(f"/api/v1/orders?cursor={token}", token)
        client.post(f"/api/v1/strategy-accounts/{token}/{token}/pause", why="a test")
        broken = HEAD.replace(b"/api/webhook", f"/webhook/{token}".encode()) + b"Content-Length: -1\r\n\r\n"
        for cut in (broken, HEAD + b"Authorization: Bearer " + token.encode() * 1_000):
            _send_raw(engine, cut)


def _send_raw(engine: EngineProcess, request: bytes) -> None:
    port = int(engine.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection, suppress(OSError):
        connection.sendall(request)
        connection.recv(65_536)


def bad_exchange(client: EngineClient, exchange: PaperProcess, trader: Trader) -> None:
    for kind in ("error_after", "drop_after", "garbage_after", "cut_after", "rate_limited"):
        exchange.fault("place", kind)
        trader.order(client, price=10_000)


def bad_database(client: EngineClient, database: OrdealDatabase, trader: Trader) -> None:
    assert database.line is not None
    database.line.is_closed = True
    database.line.cut_all()
    wait_until(lambda: client.get("/health/ready").status_code == 503, what="the engine to notice")
    trader.order(client)
    client.operate("test1", "A1", "cancel-all", why="a test")
    client.get("/health")
    client.post("/api/v1/declarations")
    database.line.is_closed = False
    wait_until(lambda: client.get("/health/ready").is_success, what="the engine to recover")
    database.stop_at_once()
    time.sleep(1)
    database.bring_back()
    wait_until(lambda: client.get("/health/ready").is_success, what="the engine to recover")


def commands(place: Place, wanted: Sequence[Sequence[str]]) -> dict[str, bytes]:
    """Run these commands, whatever comes of them."""
    done = {tuple(words): orderwright(*words, *place.options) for words in wanted}
    return {f"orderwright {' '.join(words)}": f"{said.out}{said.err}".encode() for words, said in done.items()}


def tables(database: OrdealDatabase) -> dict[str, bytes]:
    with psycopg.connect(database.server.owner_conninfo) as owner:
        names = owner.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {
            ".".join(name): str(
                owner.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(*name))).fetchall()
            ).encode()
            for name in names
        }


def files(place: Place) -> dict[str, bytes]:
    """Return what lies around the installation and its database, but for what the operator has written."""
    home = place.data.parent.parent
    found = [Path(folder) / name for folder, _, names in os.walk(home) for name in names]
    found += [path for path in Path.cwd().glob("core*") if path.is_file()]
    ours = {place.config, place.data / "engine.json"}
    return {str(file): file.read_bytes() for file in found if file.is_file() and file not in ours}


def leaks(evidence: Evidence) -> list[str]:
    return [
        f"{kind} in {where}"
        for kind, secret in evidence.secrets.items()
        for where, text in evidence.texts.items()
        if secret.partition("_")[2].encode() in text
    ]


def test_a_leak_would_be_seen() -> None:
    texts = {"stderr": b"sending owt_abc to nobody", "stdout": b"ready"}
    assert leaks(Evidence(secrets={"a token": "owt_abc"}, texts=texts)) == ["a token in stderr"]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_secret_is_anywhere(evidence: Evidence) -> None:
    assert any(b"order_requested" in text for where, text in evidence.texts.items() if where.startswith("log."))
    assert b"DEBUG" in evidence.texts["stderr"]
    assert len(evidence.secrets) == 6
    assert leaks(evidence) == []
