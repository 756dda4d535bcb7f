"""The commands on a running engine and on a stopped one, as a person and as a script use them."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import DECLARATION, Run, Traded
from tests.processes import COMMAND, EngineProcess, installation, wait_until

pytestmark = pytest.mark.processes


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_status_shows_a_running_engine_to_a_person(run: Run, traded: Traded) -> None:
    done = run("status", *traded.options)
    assert done.code == 0
    assert f"Engine: {traded.engine.url}" in done.out
    row = next(line for line in done.out.splitlines() if "test1@A1" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["test1@A1", "active", "10000 USDT", "long 0.02 BTC/USDT", "1", "0"]


def test_a_command_says_nothing_of_its_own_requests(run: Run, traded: Traded) -> None:
    assert run("status", *traded.options).err == ""
    assert run("apply", traded.declaration, *traded.options).err == ""


def test_apply_on_a_running_engine_changes_nothing_the_second_time(run: Run, traded: Traded) -> None:
    assert run("apply", traded.declaration, *traded.options, "--json").json == {"tokens": [], "changed": []}


def test_apply_on_a_running_engine_shows_a_new_token_once(run: Run, traded: Traded, tmp_path: Path) -> None:
    more = tmp_path / "more.toml"
    more.write_text('\ufeff[[strategies]]\ngroup_name = "late"\nowner = "alice"\nmarket_type = "SPOT"\n', "utf-8")
    first = run("apply", more, *traded.options)
    assert "token for late to alice" in first.out
    assert "owt_" in first.out
    assert "owt_" not in run("apply", more, *traded.options).out


def test_log_shows_every_event_in_order(run: Run, traded: Traded) -> None:
    shown = lines(run("log", *traded.options, "--json").out)
    assert [line["position"] for line in shown] == list(range(1, len(shown) + 1))
    assert {"stream", "version", "type", "recorded_at", "event_id", "causation", "correlation", "payload"} < set(
        shown[0]
    )
    assert traded.token not in json.dumps(shown)
    assert traded.engine.place.admin_token not in json.dumps(shown)


def test_log_shows_what_is_asked_for(run: Run, traded: Traded) -> None:
    fills = lines(run("log", *traded.options, "--stream", "test1@A1", "--type", "fill_recorded", "--json").out)
    assert [line["payload"]["fill"]["amount"] for line in fills] == ["0.02"]
    last = lines(run("log", *traded.options, "--limit", 2, "--json").out)
    assert len(last) == 2
    later = lines(run("log", *traded.options, "--after", last[0]["position"], "--json").out)
    assert later == last[1:]


def test_log_for_a_person_has_a_line_per_event_with_short_names_and_readable_times(run: Run, traded: Traded) -> None:
    done = run("log", *traded.options, "--stream", "test1@A1", "--type", "order_requested")
    first, second = done.out.splitlines()
    assert " test1@A1 #" in first
    assert "side=buy order_type=MARKET amount=0.02" in first
    assert " valid_until=20" in second


def test_log_follows_until_it_is_interrupted_and_then_ends_well(traded: Traded) -> None:
    words = [*COMMAND, "log", *map(str, traded.options), "--follow", "--json", "--limit", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        first = json.loads(follower.stdout.readline())
        with traded.engine.client() as client:
            client.webhook({"group_name": "test1", "token": traded.token, "order_type": "CANCEL", "ref": "none"})
        assert json.loads(follower.stdout.readline())["position"] == first["position"] + 1
        follower.send_signal(signal.SIGINT)
        _, said = follower.communicate(timeout=20)
        assert follower.returncode == 0
        assert said == ""


def test_log_into_a_pipe_that_closes_ends_without_a_traceback(traded: Traded) -> None:
    words = [*COMMAND, "log", *map(str, traded.options)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.close()
        assert writer.stderr is not None
        assert writer.stderr.read() == ""


def test_replay_shows_the_state_now_and_at_a_version_and_at_a_moment(run: Run, traded: Traded) -> None:
    now = run("replay", "test1@A1", *traded.options, "--json").json
    assert now["state"]["positions"]["BTC/USDT"]["quantity"] == "0.02"
    first = run("replay", "test1@A1", *traded.options, "--version", 1, "--json").json
    assert (first["version"], first["state"]["positions"]) == (1, {})
    then = run("replay", "test1@A1", *traded.options, "--at", first["recorded_at"], "--json").json
    assert then["version"] >= 1
    assert then["recorded_at"] == first["recorded_at"]
    told = run("replay", "test1@A1", *traded.options, "--version", 1).out
    assert "strategy-account/test1@A1 after event 1 (position" in told
    beyond = run("replay", "test1@A1", *traded.options, "--version", 9_999)
    assert beyond.code
    assert f"has {now['version']} events, not 9999" in beyond.err


def test_verify_tells_that_the_log_is_what_was_written(run: Run, traded: Traded) -> None:
    verified = run("verify", *traded.options, "--json").json
    assert verified["ok"] is True
    assert verified["events"] > 10
    assert "The log is what was written:" in run("verify", *traded.options).out


def test_an_installation_from_its_beginning_to_a_restart(run: Run, open_folder: Path) -> None:
    with installation(open_folder) as place:
        assert "No strategy is linked" in run("status", *place.options).out
        applied = place.apply(DECLARATION)
        assert applied["changed"][0] == "user alice"
        assert [(row["strategy"], row["holder"]) for row in applied["tokens"]] == [("test1", "alice")]
        assert place.apply(DECLARATION) == {"tokens": [], "changed": []}
        stopped = run("status", *place.options, "--json").json
        assert stopped["engine"] is None
        with EngineProcess(place) as engine:
            engine.ready()
            note = place.data / "engine.json"
            assert note.stat().st_mode & 0o077 == 0
            running = run("status", *place.options, "--json").json
            with engine.client() as client:
                assert client.post("/api/v1/halt", why="drill").json()["done"]
            assert "halted, active" in run("status", *place.options).out
            assert engine.terminate() == 0
            assert not note.exists()
        assert "halted, active" in run("status", *place.options).out
        assert running["engine"].startswith("http://127.0.0.1:")
        assert running["strategy_accounts"][0].keys() == stopped["strategy_accounts"][0].keys()
        assert running["strategy_accounts"][0]["capital"] == stopped["strategy_accounts"][0]["capital"]


def test_the_paper_exchange_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    words = [*COMMAND, "paper-exchange", "--data", str(tmp_path), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as exchange:
        assert exchange.stdout is not None
        assert exchange.stdout.readline().startswith("ready at http://127.0.0.1:")
        exchange.terminate()
        assert exchange.wait(20) == 0
    assert (tmp_path / "paper.sqlite3").exists()


def test_serve_stops_in_good_order_on_ctrl_c_and_of_a_killed_engine_status_says_so(run: Run, open_folder: Path) -> None:
    with installation(open_folder) as place:
        with EngineProcess(place) as engine:
            os.kill(engine.ready().process.pid, signal.SIGINT)
            wait_until(lambda: not engine.is_running, what="the engine's end")
            assert engine.process.returncode == 0
            assert engine.errors == ""
        with EngineProcess(place) as engine:
            engine.ready().kill()
        assert (place.data / "engine.json").exists()
        assert "not running" in run("status", *place.options).out


@pytest.mark.parametrize("form", ["text", "json"])
def test_settings_shown_can_be_used_as_a_file(
    run: Run, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERWRIGHT_HTTP__WEBHOOK_WAIT", "1500ms")
    monkeypatch.setenv("ORDERWRIGHT_LOGGING__FORMAT", form)
    file = tmp_path / "shown.toml"
    file.write_text(run("config", "show").out, "utf-8")
    assert 'webhook_wait = "1500ms"' in file.read_text("utf-8")
    shown = run("config", "show", "--json").json
    monkeypatch.undo()
    assert run("config", "check", "--config", file).out == "The configuration is fine.\n"
    assert run("config", "show", "--config", file, "--json").json == shown
    assert shown["logging"]["format"] == form
