"""What goes wrong is a sentence on stderr and an exit code that scripts may rely on; nothing is made by mistake."""

import json
import os
from pathlib import Path

import psycopg
import pytest

from orderwright.cli import exits
from orderwright.eventstore.embedded import OWNER_ROLE, EmbeddedPostgres
from tests.cli.conftest import Run, Traded
from tests.processes import CommandResult, Place, installation

pytestmark = pytest.mark.processes


def said(done: CommandResult, code: int) -> str:
    assert done.code == code, done
    assert "Traceback" not in done.err
    assert done.out == ""
    return done.err


@pytest.mark.parametrize("command", ["serve", "status", "log", "verify"])
def test_a_folder_that_was_never_set_up_stays_empty_and_exits_with_4(run: Run, command: str, tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    message = said(run(command, "--data", missing), exits.NOT_SET_UP)
    assert f"{missing} is not set up: run `orderwright setup --data {missing}` first" in message
    assert not missing.exists()


def test_apply_and_replay_make_nothing_either(run: Run, tmp_path: Path) -> None:
    file, missing = tmp_path / "declaration.toml", tmp_path / "nothing"
    file.write_text("")
    said(run("apply", file, "--data", missing), exits.NOT_SET_UP)
    said(run("replay", "a@b", "--data", missing), exits.NOT_SET_UP)
    assert not missing.exists()


def test_an_empty_database_elsewhere_exits_with_4(run: Run, server: EmbeddedPostgres, tmp_path: Path) -> None:
    with psycopg.connect(server.conninfo(role=OWNER_ROLE, database="postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE nothing_in_it")
    config = tmp_path / "config.toml"
    url = server.conninfo(role=OWNER_ROLE, database="nothing_in_it")
    config.write_text(f'[database]\nurl = "{url}"\n', "utf-8")
    message = said(run("status", "--data", tmp_path / "data", "--config", config), exits.NOT_SET_UP)
    assert "the database is empty; `orderwright setup`" in message


@pytest.mark.parametrize(
    "words",
    [
        ("no-such-command",),
        ("serve", "--port", "70000"),
        ("log", "--type", "fill_recordd"),
        ("replay", "a@b", "--at", "yesterday"),
        ("replay", "a@b", "--at", "2026-11-21", "--version", "1"),
        ("paper-exchange", "--data", "x"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, words: tuple[str, ...], tmp_path: Path) -> None:
    options = () if words[0] in ("no-such-command", "paper-exchange") else ("--data", tmp_path)
    assert run(*words, *options).code == exits.USAGE


def test_a_misspelled_event_type_is_met_with_a_guess(run: Run) -> None:
    assert "Did you mean fill_recorded?" in said(run("log", "--type", "fill_recordd"), exits.USAGE)


def test_a_wrong_configuration_exits_with_3_and_tells_every_fault(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('locale = "fr"\n[htp]\nport = 1\n', "utf-8")
    message = said(run("config", "check", "--config", file), exits.BAD_CONFIGURATION)
    assert "locale: must be one of en, ko." in message
    assert "Did you mean http?" in message


def test_a_second_engine_exits_with_5_and_says_who_holds_the_log(run: Run, traded: Traded) -> None:
    message = said(run("serve", *traded.options, "--port", 0), exits.LEASE_HELD)
    assert f"process {traded.engine.process.pid}" in message


def test_a_changed_log_exits_with_6_and_names_the_batch(run: Run, open_folder: Path) -> None:
    with installation(open_folder) as place:
        with (
            EmbeddedPostgres(place.data) as server,
            psycopg.connect(server.owner_conninfo, autocommit=True) as connection,
        ):
            connection.execute("SET session_replication_role = replica")
            for trigger, table in connection.execute(
                "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0"
            ).fetchall():
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
            connection.execute("UPDATE log.event SET recorded_at = recorded_at + 1 WHERE position = 1")
        message = said(run("verify", *place.options), exits.LOG_BROKEN)
        assert "batch 1 (positions 1 to" in message


def test_a_refused_declaration_exits_with_7_and_tells_all_faults_running_or_not(
    run: Run, traded: Traded, stopped: Place, tmp_path: Path
) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[[users]]\nnam = "x"\n[[strategies]]\ngroup_name = "a"\nowner = "zed"\nmarket_type = "FUTURE"\n')
    for options in (traded.options, stopped.options):
        message = said(run("apply", file, *options), exits.REFUSED)
        assert "users[0].nam: is not known here." in message
        assert "strategies[0].market_type: must be one of SPOT, FUTURES, STOCK. Did you mean FUTURES?" in message


def test_setting_up_twice_exits_with_7(run: Run, stopped: Place) -> None:
    assert "set up before" in said(run("setup", *stopped.options), exits.REFUSED)


def test_a_missing_file_a_strange_file_and_an_unknown_stream_are_told(run: Run, traded: Traded, tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert f"{missing}: No such file" in said(run("apply", missing, *traded.options), exits.FAILED)
    strange = tmp_path / "strange.toml"
    strange.write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in said(run("apply", strange, *traded.options), exits.USAGE)
    message = said(run("log", "--stream", "test2@A1", *traded.options), exits.FAILED)
    assert "there is no stream test2@A1. Did you mean test1@A1?" in message
    assert "has no events" in said(run("replay", "test2@A1", *traded.options), exits.FAILED)


def test_a_process_that_has_a_dead_engines_number_is_no_engine(run: Run, open_folder: Path) -> None:
    with installation(open_folder) as place:
        note = {"pid": os.getpid(), "began": 1.0, "url": "http://127.0.0.1:1", "token": "x"}
        (place.data / "engine.json").write_text(json.dumps(note), "utf-8")
        assert "not running" in run("status", *place.options).out
