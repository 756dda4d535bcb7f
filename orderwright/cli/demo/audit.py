"""The demo's last steps: what was known at an earlier moment, proof that the log is what was written, and the end."""

from orderwright.cli.demo import claims
from orderwright.cli.demo.cast import Cast
from orderwright.cli.demo.scenes import Memory, Scene


def replay(cast: Cast, memory: Memory) -> None:
    """The state now and at an earlier moment."""
    screen = cast.screen
    screen.step("Replay: what was known at an earlier moment")
    screen.say("Now:")
    now = cast.replay("trend@A1")
    screen.claim("The replay leads to the state of the running engine.", claims.same_state(now, cast.known("trend@A1")))
    if memory.known_then is None:
        screen.claim("There is an earlier moment to go back to.", ["step 5 did not come to its end"])
        return
    screen.say(f"At {memory.moment}, after step 5:")
    then = cast.replay("trend@A1", "--at", memory.moment)
    screen.claim("It is what the engine showed at that moment.", claims.same_state(then, memory.known_then))
    by_version = cast.replay("trend@A1", "--version", str(memory.known_then.version))
    screen.claim("By the number of its event, the same.", claims.same_state(by_version, memory.known_then))


def verify(cast: Cast, _memory: Memory) -> None:
    """The hash chain."""
    screen = cast.screen
    screen.step("Verify: the log is what was written, event by event")
    verified = cast.verify()
    events = len(cast.ledger().lines)
    found = "" if verified.ok else "it does not"
    counted = "" if verified.events == events else f"{verified.events} of {events} events were verified"
    screen.claim("The hash chain holds from the first event to the last.", filter(None, (found, counted)))


def stop(cast: Cast, _memory: Memory) -> None:
    """A stop in good order."""
    screen, engine = cast.screen, cast.stage.engine
    screen.step("The end: SIGTERM")
    screen.sent(f"kill {engine.pid}")
    code = cast.stage.stop_engine()
    screen.answered(f"process {engine.pid} exited with {code}")
    screen.claim("The engine finished what ran and exited with 0.", () if code == 0 else (f"it exited with {code}",))


LAST_WORD: tuple[Scene, ...] = (replay, verify, stop)
