"""`anchor` and `verify --since`, as an operator uses them, against an administrator with bad intentions."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from orderwright.cli import exits
from orderwright.clock import SystemClock
from orderwright.eventstore.anchors import anchor_of, signing_key, write_anchor
from orderwright.eventstore.chain import GENESIS, chain_hash, leaf_hash, merkle_root
from orderwright.eventstore.embedded import EmbeddedPostgres
from tests.processes import Place, orderwright
from tests.upkeep.trading import engine_on, trading


@pytest.fixture
def place(open_folder: Path) -> Iterator[Place]:
    """Yield an installation that has traded a little and is stopped."""
    with trading(open_folder) as (place, trader):
        with engine_on(place) as (engine, client):
            for price in (10_000, 10_001, 10_002):
                trader.placed(client, price=price)
            assert engine.terminate() == 0
        yield place


def rewrite(place: Place, statement: str) -> None:
    """Change the past, and make every hash fit."""
    with EmbeddedPostgres(place.data) as server:
        with psycopg.connect(server.owner_conninfo) as owner:
            for table in ("event", "log_batch"):
                owner.execute(f"ALTER TABLE log.{table} DISABLE TRIGGER USER".encode())
            owner.execute(statement.encode())
        with place.open_log() as log, psycopg.connect(server.owner_conninfo) as owner:
            chain, events = GENESIS, log.reader.read_chained()
            for batch in list(log.reader.read_batches()):
                content = islice(events, batch.event_count)
                root = merkle_root([leaf_hash(event, log_id=1, stream_id=stream_id) for stream_id, event in content])
                chain = chain_hash(chain, replace(batch, root=root), log_id=1)
                owner.execute(
                    "UPDATE log.log_batch SET root = %s, chain = %s WHERE batch_no = %s", [root, chain, batch.batch_no]
                )


def test_an_anchor_is_made_and_the_log_is_verified_since_it(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "one.anchor"

    made = orderwright("anchor", file, *place.options, "--json").json
    verified = orderwright("verify", *place.options, "--since", file, "--json").json

    assert made["public_key"] == signing_key(place.data).public
    assert verified["ok"] is True
    assert verified["since"] == made["anchor"]
    assert verified["events"] == 0
    assert "Nothing has been written since." in orderwright("verify", *place.options, "--since", file).out
    whole = orderwright("verify", *place.options, "--since", file, "--key", made["public_key"], "--whole", "--json")
    assert whole.json["events"] == made["anchor"]["position"]
    told = orderwright("anchor", tmp_path / "two.anchor", *place.options)
    assert (told.code, made["public_key"] in told.out) == (exits.OK, True)


def test_an_anchor_can_be_made_and_used_while_the_engine_runs(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "one.anchor"
    with engine_on(place) as (_engine, _client):
        assert orderwright("anchor", file, *place.options).code == exits.OK
        assert orderwright("verify", *place.options, "--since", file).code == exits.OK


def test_an_anchor_is_never_replaced(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "one.anchor"
    assert orderwright("anchor", file, *place.options).code == exits.OK
    content = file.read_bytes()

    again = orderwright("anchor", file, *place.options)

    assert (again.code, file.read_bytes()) == (exits.FAILED, content)
    assert "one.anchor" in again.err
    assert "Traceback" not in again.err


def test_a_past_that_was_rewritten_with_all_its_hashes_is_found_by_the_anchor_alone(
    place: Place, tmp_path: Path
) -> None:
    file = tmp_path / "one.anchor"
    assert orderwright("anchor", file, *place.options).code == exits.OK

    rewrite(place, "UPDATE log.event SET payload = replace(payload::text, '10001', '10009')::json")

    assert orderwright("verify", *place.options).code == exits.OK
    found = orderwright("verify", *place.options, "--since", file)
    assert found.code == exits.LOG_BROKEN
    assert "is not the one that was anchored" in found.err


def test_a_forged_anchor_and_a_strangers_are_refused(place: Place, tmp_path: Path) -> None:
    file, strangers = tmp_path / "one.anchor", tmp_path / "strangers.anchor"
    made = orderwright("anchor", file, *place.options, "--json").json
    forged = tmp_path / "forged.anchor"
    forged.write_text(file.read_text().replace(made["anchor"]["chain"], "ab" * 32))
    with place.open_log() as log:
        anchor = anchor_of(log.reader, log.reader.last_batch(), SystemClock().now())
    write_anchor(strangers, signing_key(tmp_path).sign(anchor))

    refused = orderwright("verify", *place.options, "--since", forged)
    assert (refused.code, "signature" in refused.err) == (exits.FAILED, True)
    refused = orderwright("verify", *place.options, "--since", strangers, "--key", made["public_key"])
    assert (refused.code, "another key" in refused.err) == (exits.FAILED, True)
    missing = orderwright("verify", *place.options, "--since", tmp_path / "none.anchor")
    assert (missing.code, "Traceback" in missing.err) == (exits.FAILED, False)
