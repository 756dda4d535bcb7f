import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from orderwright.logs import configure_logging, scrub


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        "owt_abcdHUNTER2hunter2",
        "POST /webhook/owa_abcdHUNTER2-_x HTTP/1.1",
        "Authorization: Bearer HUNTER2HUNTER2",
        "authorization: basic HUNTER2HUNTER2==",
        '{"token": "HUNTER2 with blanks", "side": "buy"}',
        "{'apiKey': 'HUNTER2'}",
        "api_key=HUNTER2&x=1",
        "passphrase: HUNTER2",
        "clientSecret=HUNTER2",
        "signature=HUNTER2,",
        "could not connect to postgresql://alice:HUNTER2@db/log",
    ],
)
def test_secrets_do_not_reach_the_log(text: str) -> None:
    assert "HUNTER2" not in scrub(text)
    assert "*****" in scrub(text)


@pytest.mark.parametrize(
    "text", ["order 123 was placed", "http://127.0.0.1:8080/health", "the token bucket is empty", "bearer of news"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub(text) == text


def test_text_lines_are_scrubbed_also_in_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "text")
    try:
        int("password=HUNTER2")
    except ValueError:
        logging.getLogger("orderwright.x").exception("with token=%s", "HUNTER2")
    shown = capsys.readouterr().err
    assert "ValueError" in shown
    assert "HUNTER2" not in shown


def test_json_lines_are_json_whatever_is_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    logging.getLogger("orderwright.x").warning('token: "HUNTER2" and\nmore "quotes" %s', "owt_abcdHUNTER2HUNTER2")
    line: dict[str, Any] = json.loads(capsys.readouterr().err)
    assert line["level"] == "WARNING"
    assert line["time"].endswith("Z")
    assert "HUNTER2" not in str(line)


def test_ccxt_never_logs_below_info(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG", "text")
    logging.getLogger("ccxt.base.exchange").debug("secret stuff")
    logging.getLogger("orderwright.x").debug("seen")
    shown = capsys.readouterr().err
    assert "seen" in shown
    assert "stuff" not in shown


def test_httpx_does_not_tell_of_its_requests(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "text")
    logging.getLogger("httpx").info("HTTP Request: GET http://127.0.0.1:8080/health")
    logging.getLogger("httpx").warning("something is odd")
    shown = capsys.readouterr().err
    assert "HTTP Request" not in shown
    assert "something is odd" in shown
