"""`serve` and `paper-exchange`: the processes that stay."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from orderwright import bootstrap
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, existing_installation, installation
from orderwright.cli.process_limits import set_process_limits
from orderwright.cli.stacks import stacks
from orderwright.exchanges.paper.server import serve_paper_exchange


def serve(
    *,
    data: DataOption = DEFAULT_DATA,
    port: Annotated[
        int | None,
        typer.Option(metavar="N", help="The port to listen on; 0 takes any free one.", min=0, max=65_535),
    ] = None,
    config: ConfigOption = None,
    standby: Annotated[
        bool, typer.Option("--standby", help="Wait for the engine that is at work, and take over when it is gone.")
    ] = False,
) -> None:
    """Run the engine in the foreground.

    Comes up as after a crash: whatever was in flight is looked up at the exchange first. Writes `ready at URL` to
    stdout once webhooks are taken. SIGTERM and Ctrl-C finish what runs, and exit with 0; SIGUSR1 writes what every
    thread does to stderr. A standby writes `standing by at URL: WHY` first, if another engine is at work.

        orderwright serve --data data --port 8080
    """
    set_process_limits()
    stopping = _set_by_signals()
    bootstrap.serve(
        existing_installation(data, config, port=port),
        stopping=stopping,
        on_ready=_announce,
        on_standby=_announce_standby if standby else None,
    )


def paper_exchange(
    *,
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="The folder for the exchange's books.")],
    port: Annotated[
        int, typer.Option(metavar="N", help="The port to listen on; 0 takes any free one.", min=0, max=65_535)
    ],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to bind.")] = "127.0.0.1",
    config: ConfigOption = None,
) -> None:
    """Run the paper exchange as a process of its own, over HTTP, so that it survives the engine.

    An account uses it with `url = "http://127.0.0.1:PORT"` in its declaration. Writes `ready at URL` to stdout. It
    knows no passwords: keep it on this machine.

        orderwright paper-exchange --data exchange --port 9001
    """
    settings = installation(data, config)
    paper = settings.config.paper
    serve_paper_exchange(
        settings.data,
        port,
        host=host,
        prices=bootstrap.price_feed(paper),
        venue=bootstrap.venue(paper),
        on_ready=_announce,
    )


def _set_by_signals() -> threading.Event:
    # A handler in Python runs when the main thread wakes up, and a signal that the system gave to another thread does
    # not wake it. The byte in the pipe, its number, is written wherever the signal went.
    stopping = threading.Event()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda _number, _frame: None)

    def wait() -> None:
        while os.read(reading, 1)[0] == signal.SIGUSR1:
            sys.stderr.write(stacks())
            sys.stderr.flush()
        stopping.set()

    threading.Thread(target=wait, name="signals", daemon=True).start()
    return stopping


def _announce_standby(url: str, why: str) -> None:
    sys.stdout.write(f"standing by at {url}: {why}\n")
    sys.stdout.flush()


def _announce(url: str) -> None:
    sys.stdout.write(f"ready at {url}\n")
    sys.stdout.flush()
