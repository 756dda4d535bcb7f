import json
import tomllib
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from orderwright.config.load import ConfigurationError, defaults, load_config, masked, shown
from orderwright.config.schema import Config
from orderwright.moments import SECOND

SOURCE = files("orderwright.config").joinpath("default.toml").read_text("utf-8")


def faults_of(file: Path | None, environment: dict[str, str]) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load_config(file, environment)
    assert str(caught.value).count("\n") == len(caught.value.faults) - 1
    return {fault.key: fault.error for fault in caught.value.faults}


def written(folder: Path, text: str) -> Path:
    file = folder / "orderwright.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_defaults_are_a_whole_configuration() -> None:
    config = load_config(None, {})
    assert config.http.host == "127.0.0.1"
    assert config.http.webhook_wait == 2 * SECOND
    assert config.paper.taker_fee == Decimal("0.001")
    assert config.database.url == ""


def test_every_key_has_its_default_in_the_file_and_nowhere_else() -> None:
    def keys(kind: type[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in msgspec.structs.fields(kind):
            assert field.required
            is_section = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
            found[field.name] = keys(field.type) if is_section else None
        return found

    in_file = {
        key: dict.fromkeys(value) if isinstance(value, dict) else None for key, value in tomllib.loads(SOURCE).items()
    }
    assert in_file == keys(Config)


def test_a_file_overrides_defaults_and_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[http]\nport = 1000\nthreads = 4\n[orders]\nvalid_for = "1m"\n')
    config = load_config(file, {"ORDERWRIGHT_HTTP__PORT": "2000", "OTHER": "x", "ORDERWRIGHT_LOCALE": "ko"})
    assert (config.http.port, config.http.threads, config.http.host) == (2000, 4, "127.0.0.1")
    assert config.orders.valid_for == 60 * SECOND
    assert config.locale == "ko"


def test_every_fault_is_told_at_once_with_the_key_and_a_cure(tmp_path: Path) -> None:
    file = written(tmp_path, '[htpp]\nx = 1\n[http]\nprot = 1\nport = "many"\n[paper]\nfeed = "wlak"\n')
    assert faults_of(file, {"ORDERWRIGHT_HTTP__THREADS": "0", "ORDERWRIGHT_STROE__X": "1"}) == {
        "ORDERWRIGHT_STROE__X": "there is no section [stroe]. Did you mean store?",
        "htpp": "is not known here. Did you mean http?",
        "http.prot": "is not known here. Did you mean port?",
        "http.port": "must be a whole number",
        "http.threads (from ORDERWRIGHT_HTTP__THREADS)": "must be at least 1",
        "paper.feed": "must be one of walk, fixed, file. Did you mean walk?",
    }


def test_keys_that_contradict_each_other_are_faults() -> None:
    assert faults_of(None, {"ORDERWRIGHT_PAPER__FEED": "file"}) == {"paper.file": 'is needed when paper.feed is "file"'}
    assert faults_of(None, {"ORDERWRIGHT_PAPER__TAKER_FEE": "10"}) == {
        "paper.taker_fee (from ORDERWRIGHT_PAPER__TAKER_FEE)": 'must be a fraction from 0 to below 1: 0.1 % is "0.001"'
    }
    assert set(faults_of(None, {"ORDERWRIGHT_DATABASE__URL": "mysql://x"})) == {
        "database.url (from ORDERWRIGHT_DATABASE__URL)"
    }


def test_a_variable_that_names_only_a_section_is_told_how_to_name_a_key() -> None:
    assert faults_of(None, {"ORDERWRIGHT_HTTP": "1"}) == {
        "ORDERWRIGHT_HTTP": "names a section: write ORDERWRIGHT_HTTP__KEY"
    }


@pytest.mark.parametrize("text", ["[http", "a = " + "1" * 5000, "\x00"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    [(key, error)] = faults_of(file, {}).items()
    assert key == str(file)
    assert error.startswith("is not TOML: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert faults_of(tmp_path / "none.toml", {}) == {
        str(tmp_path / "none.toml"): "cannot be read: No such file or directory"
    }


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://alice:hunter2@db:5432/log",
        "postgres://alice:hun@ter2@db/log",
        "postgresql://alice:a/hunter2@db/log",
        "postgresql://:hunter2@db/log",
        "postgresql://alice:hunter2@one:1,two:2/log",
        "postgresql://alice@db/log?sslmode=require&password=hunter2",
        "postgresql://alice@db/log?sslpassword=hunter2&x=1",
        "host=db password=hunter2 dbname=log",
        "host=db password = 'it is hunter2' dbname=log",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    config = load_config(None, {"ORDERWRIGHT_DATABASE__URL": url})
    shown = masked(config).database.url
    assert config.database.url == url
    assert "hun" not in shown
    assert "ter2" not in shown
    assert "*****" in shown
    assert "db" in shown or "one" in shown


@pytest.mark.parametrize("url", ["", "postgresql://alice@db:5432/log", "host=db dbname=log"])
def test_what_holds_no_secret_is_shown_as_it_is(url: str) -> None:
    config = load_config(None, {"ORDERWRIGHT_DATABASE__URL": url})
    assert masked(config) == config


def test_no_fault_repeats_a_value(tmp_path: Path) -> None:
    file = written(tmp_path, '[database]\nurl = ["hunter2"]\npassword = "hunter2"\n[http]\nport = "hunter2"\n')
    assert "hunter2" not in str(faults_of(file, {"ORDERWRIGHT_DATABASE__PASSWORD": "hunter2"}))


def test_defaults_are_read_afresh() -> None:
    defaults()["http"]["port"] = 1
    assert load_config(None, {}) == replace(load_config(None, {}))


def test_what_is_shown_can_be_read_again_and_hides_the_password(tmp_path: Path) -> None:
    config = load_config(None, {"ORDERWRIGHT_DATABASE__URL": "postgresql://alice:hunter2@db/log"})
    table = shown(config)
    assert table["http"]["webhook_wait"] == "2s"
    assert table["database"]["url"] == "postgresql://alice:********@db/log"
    lines = [f"locale = {json.dumps(table.pop('locale'))}"]
    for section, keys in table.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value, default=str)}" for key, value in keys.items())]
    assert load_config(written(tmp_path, "\n".join(lines)), {}) == masked(config)
