"""The real server on a real socket: bodies in pieces, limits, and stopping in good order."""

import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest
from msgspec.structs import replace

from orderwright.config.schema import Config
from orderwright.http.server import MAX_HEADER_BYTES, HttpServer, _TokensHidden, build_server
from tests.http.conftest import Tokens
from tests.http.fake_engine import FakeEngine
from tests.http.test_webhooks import order


@pytest.fixture
def server(engine: FakeEngine, config: Config) -> Iterator[HttpServer]:
    server = build_server(engine, config)
    server.start()
    yield server
    server.stop(within=2)
    assert not server.is_running


@pytest.fixture
def web(server: HttpServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        yield client


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    return answer.status_code, answer.json()["code"]


def test_tradingviews_text_with_mark_and_newline_is_taken(web: httpx.Client, tokens: Tokens) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(order(tokens)).encode() + b"\r\n"
    answer = web.post("/api/webhook", content=raw, headers={"Content-Type": "text/plain; charset=utf-8"})
    assert (answer.status_code, answer.json()["summary"]["successful_trades"]) == (200, 3)
    assert answer.headers["Content-Type"] == "application/json"
    assert "Server" not in answer.headers


def test_a_body_in_chunks_is_taken_and_limited(web: httpx.Client, tokens: Tokens) -> None:
    raw = json.dumps(order(tokens)).encode()
    answer = web.post("/api/webhook", content=iter([raw[:10], raw[10:]]))
    assert answer.status_code == 200
    assert problem(web.post("/api/webhook", content=iter([b"x" * 40_000] * 2))) == (413, "body_too_large")


def test_a_body_over_the_limit_is_a_problem_document(web: httpx.Client) -> None:
    assert problem(web.post("/api/webhook", content=b" " * 65_537)) == (413, "body_too_large")


def test_a_body_without_a_length_is_empty(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(b"POST /api/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"invalid_json"' in answer


@pytest.mark.parametrize(
    ("request_head", "expected"),
    [
        (b"nonsense\r\n\r\n", b"bad_request"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"bad_request"),
        (b"POST /api/webhook HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"bad_request"),
        (b"POST /api/webhook HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"bad_request"),
        (b"POST /api/webhook HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n", b"body_too_large"),
        ((b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEADER_BYTES)[:MAX_HEADER_BYTES], b"headers_too_large"),
    ],
)
def test_what_is_no_http_is_a_problem_too(server: HttpServer, request_head: bytes, expected: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        raw.sendall(request_head)
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))
    assert answer.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4"))
    assert b"application/problem+json" in answer
    assert expected in answer


def test_one_connection_serves_many_webhooks(server: HttpServer, tokens: Tokens) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    for number in range(3):
        connection.request("POST", "/api/webhook", json.dumps(order(tokens, id=str(number))))
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["duplicate"]) == (200, False)
    connection.close()


def test_many_senders_at_once_are_each_answered(web: httpx.Client, engine: FakeEngine, tokens: Tokens) -> None:
    statuses: list[int] = []

    def send(number: int) -> None:
        statuses.append(web.post("/api/webhook", json=order(tokens, id=str(number))).status_code)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert set(statuses) <= {200, 202}
    assert len(engine.submitted) == 20


def test_nobody_is_let_in_before_the_start(engine: FakeEngine, config: Config) -> None:
    server = build_server(engine, config)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)
    assert server.stop(within=1)


def test_a_taken_address_is_known_at_once(server: HttpServer, engine: FakeEngine, config: Config) -> None:
    taken = replace(config, http=replace(config.http, port=server.port))
    with pytest.raises(OSError, match=r"in use.*http\.port") as refused:
        build_server(engine, taken)
    assert refused.value.filename == f"127.0.0.1:{server.port}"


def test_stopping_does_not_mind_that_its_loop_was_woken_by_somebody_else(engine: FakeEngine, config: Config) -> None:
    server = build_server(engine, config)
    server.start()
    trigger = server._server.trigger
    wake = trigger._physical_pull

    def wake_after_another() -> None:
        wake()
        server._loop.join(0.2)
        wake()

    trigger._physical_pull = wake_after_another
    assert server.stop(within=2)
    assert not server.is_running


def test_stopping_finishes_what_runs_and_takes_nothing_new(engine: FakeEngine, config: Config, tokens: Tokens) -> None:
    engine.hanging.add("strategy-account/test1@A1")
    slow = replace(config, http=replace(config.http, webhook_wait=700_000))
    server = build_server(engine, slow)
    server.start()
    address = ("127.0.0.1", server.port)
    idle = http.client.HTTPConnection(*address, timeout=5)
    idle.request("GET", "/health/live")
    idle.getresponse().read()
    running = http.client.HTTPConnection(*address, timeout=5)
    running.request("POST", "/api/webhook", json.dumps(order(tokens)))
    while not engine.submitted:
        threading.Event().wait(0.01)
    stopped: list[bool] = []
    stopper = threading.Thread(target=lambda: stopped.append(server.stop(within=5)))
    stopper.start()
    threading.Event().wait(0.2)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=1)
    idle.request("POST", "/api/webhook", json.dumps(order(tokens, id="late")))
    assert idle.getresponse().status == 503
    answer = running.getresponse()
    assert (answer.status, json.loads(answer.read())["action"]) == (202, "orders_working")
    stopper.join()
    assert stopped == [True]
    assert len(engine.submitted) == 1
    idle.close()
    running.close()


def test_the_servers_log_hides_tokens_in_paths() -> None:
    record = logging.makeLogRecord({"msg": "Client disconnected while serving %s", "args": ("/webhook/owt_secret",)})
    assert _TokensHidden().filter(record)
    assert record.getMessage() == "Client disconnected while serving /webhook/…"


def test_a_webhook_that_waited_too_long_for_a_thread_is_refused_before_it_is_stored(
    engine: FakeEngine, config: Config, tokens: Tokens
) -> None:
    engine.is_silent = True
    server = build_server(engine, replace(config, http=replace(config.http, threads=1, queue_wait=50_000)))
    server.start()
    url = f"http://127.0.0.1:{server.port}"
    try:
        with httpx.Client(base_url=url, trust_env=False) as web, ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda name: web.post("/api/webhook", json=order(tokens, id=name)), ("a", "b")))
            assert sorted(map(problem, answers)) == [(503, "not_stored"), (503, "overloaded")]
            assert problem(web.post("/api/webhook", json=order(tokens, id="c"))) == (503, "not_stored")
    finally:
        server.stop(within=2)


def test_who_gave_up_waiting_for_a_thread_costs_nobody_else_anything(
    engine: FakeEngine, config: Config, tokens: Tokens
) -> None:
    server = build_server(engine, replace(config, http=replace(config.http, threads=1, queue_wait=50_000)))
    body = json.dumps(order(tokens, id="gone")).encode()
    request = b"POST /api/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    engine.is_silent = True
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as web:
            with ThreadPoolExecutor(1) as pool:
                first = pool.submit(web.post, "/api/webhook", json=order(tokens, id="a"))
                time.sleep(0.05)
                with socket.create_connection(("127.0.0.1", server.port)) as gone:
                    gone.sendall(request)
                assert problem(first.result()) == (503, "not_stored")
            engine.is_silent = False
            assert web.post("/api/webhook", json=order(tokens, id="b")).status_code == 200
    finally:
        server.stop(within=2)
    assert [message.key for message in engine.submitted] == ["b"]


def asked(connection: socket.socket) -> bytes:
    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    return heard(connection)


def heard(connection: socket.socket) -> bytes:
    answer = b""
    while not answer.endswith(b"}") and (part := connection.recv(65_536)):
        answer += part
    return answer


def test_a_request_that_has_arrived_is_read_however_long_its_connection_was_idle(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        assert asked(connection).startswith(b"HTTP/1.1 200")

        def arrive_before_the_idle_are_closed() -> None:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            make_idle(server)

        server._server.trigger.pull_trigger(arrive_before_the_idle_are_closed)
        assert heard(connection).startswith(b"HTTP/1.1 200")


def test_an_idle_connection_is_closed(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        assert asked(connection).startswith(b"HTTP/1.1 200")
        # The thread that answered notes the moment last of all.
        while server._server.active_channels:
            server._server.trigger.pull_trigger(lambda: make_idle(server))
            time.sleep(0.01)
        assert connection.recv(65_536) == b""


def test_connections_that_come_at_once_are_let_in_at_once(server: HttpServer) -> None:
    held: list[socket.socket] = []
    let_in = Future[int]()

    def arrive() -> None:
        held.extend(socket.create_connection(("127.0.0.1", server.port)) for _ in range(20))
        server._server.handle_accept()
        let_in.set_result(len(server._server.active_channels))

    server._server.trigger.pull_trigger(arrive)
    assert let_in.result(timeout=5) == 20
    for connection in held:
        connection.close()


def make_idle(server: HttpServer) -> None:
    for channel in server._server.active_channels.values():
        channel.last_activity = 0.0
    server._server.next_channel_cleanup = 0.0
