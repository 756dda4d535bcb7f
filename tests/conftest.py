"""What holds for every test: fixtures by resource, and no network but loopback."""

import ipaddress
import signal
import sys
from pathlib import Path

import pytest

from tests.proofs import told

pytest_plugins = ["tests.fixtures_database"]


class NetworkForbidden(Exception):
    """A test reached for a machine other than this one."""


def _forbid_network(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) and address else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if isinstance(host, str) and not _is_here(host):
        message = f"tests reach nothing but loopback, and this one wanted {host}"
        raise NetworkForbidden(message)


def _is_here(host: str) -> bool:
    if host in {"", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


sys.addaudithook(_forbid_network)

# Shells start what they run in the background deaf to Ctrl-C, and so would be every process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell once more what the slow proofs have shown."""
    if said := told():
        terminalreporter.section("what was shown")
        for text in said:
            terminalreporter.write_line(text)


_ON_PROCESSES = tuple(Path(__file__).parent / folder for folder in ("acceptance", "scenarios", "upkeep"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in the folders whose tests start whole engines."""
    for item in items:
        if any(folder in item.path.parents for folder in _ON_PROCESSES):
            item.add_marker(pytest.mark.processes)
