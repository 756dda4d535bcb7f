"""An anchor finds a past that was rewritten so well that the log itself proves nothing against it."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec.structs import replace

from orderwright.clock import SystemClock
from orderwright.eventstore.anchors import (
    KEY_FILE,
    Anchor,
    AnchorRefused,
    SignedAnchor,
    SigningKey,
    anchor_of,
    check_anchor,
    read_anchor,
    signing_key,
    write_anchor,
)
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import ChainBroken
from orderwright.eventstore.verify import verify
from orderwright.moments import SECOND, Micros
from tests.eventstore.logs import OpenedLog, appended

NOON = Micros(1_750_000_000 * SECOND)


def log_of(*payloads: str, log_id: int = 1) -> MemoryLog:
    """Return a log with one batch for each payload."""
    log = MemoryLog(SystemClock(), log_id=log_id)
    for version, payload in enumerate(payloads):
        appended(OpenedLog(log, log).append("a", payload, expected=version))
    return log


def anchored(log: MemoryLog) -> Anchor:
    return anchor_of(log, log.last_batch(), NOON)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "head.anchor"


def test_the_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    first = signing_key(tmp_path)

    assert signing_key(tmp_path).public == first.public
    assert S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert signing_key_elsewhere(tmp_path).public != first.public


def signing_key_elsewhere(tmp_path: Path) -> SigningKey:
    (tmp_path / "other").mkdir()
    return signing_key(tmp_path / "other")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key at all",
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
)
def test_a_file_that_is_no_ed25519_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)

    with pytest.raises(AnchorRefused, match=r"anchor\.key is no"):
        signing_key(tmp_path)


def test_an_anchor_comes_back_from_its_file(tmp_path: Path, file: Path) -> None:
    log = log_of("1", "2", "3")
    key = signing_key(tmp_path)
    anchor = anchored(log)
    assert (anchor.batch_no, anchor.position, anchor.made_at) == (3, 3, "2025-06-15T15:06:40.000000Z")

    write_anchor(file, key.sign(anchor))

    assert read_anchor(file) == anchor
    assert read_anchor(file, public_key=key.public.upper()) == anchor
    assert check_anchor(log, anchor) == 3


def test_an_anchor_is_never_replaced(tmp_path: Path, file: Path) -> None:
    file.write_text("something else")

    with pytest.raises(FileExistsError):
        write_anchor(file, signing_key(tmp_path).sign(anchored(log_of())))
    assert file.read_text() == "something else"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program is not installed")
def test_the_signature_can_be_checked_without_us(tmp_path: Path, file: Path) -> None:
    write_anchor(file, signing_key(tmp_path).sign(anchored(log_of("1"))))
    shown = msgspec.json.decode(file.read_bytes())
    lines = [shown["format"], *(f"{name} {shown['anchor'][name]}" for name in shown["anchor"])]
    (tmp_path / "text").write_text("\n".join(lines) + "\n")
    (tmp_path / "signature").write_bytes(bytes.fromhex(shown["signature"]))
    # The head of every Ed25519 public key in DER, see RFC 8410.
    (tmp_path / "key").write_bytes(bytes.fromhex("302a300506032b6570032100" + shown["public_key"]))
    options = [
        "-verify",
        "-rawin",
        "-pubin",
        "-keyform",
        "DER",
        "-inkey",
        "key",
        "-in",
        "text",
        "-sigfile",
        "signature",
    ]
    subprocess.run(["openssl", "pkeyutl", *options], cwd=tmp_path, check=True, capture_output=True)
    assert list(shown["anchor"]) == ["log_id", "batch_no", "position", "chain", "made_at"]


CHANGES: dict[str, Callable[[SignedAnchor], SignedAnchor]] = {
    "its chain": lambda good: replace(good, anchor=replace(good.anchor, chain=bytes(32).hex())),
    "its batch": lambda good: replace(good, anchor=replace(good.anchor, batch_no=2)),
    "its position": lambda good: replace(good, anchor=replace(good.anchor, position=2)),
    "its moment": lambda good: replace(good, anchor=replace(good.anchor, made_at="2025-06-15T15:06:41.000000Z")),
    "its log": lambda good: replace(good, anchor=replace(good.anchor, log_id=2)),
    "its signature": lambda good: replace(good, signature=bytes(64).hex()),
    "its key": lambda good: replace(good, public_key=bytes(32).hex()),
    "its format": lambda good: replace(good, format="orderwright anchor 2"),
    "its signature, by half": lambda good: replace(good, signature=good.signature[:-1]),
    "its key, by half": lambda good: replace(good, public_key=good.public_key[:-2]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_anchor_that_was_changed_is_refused(tmp_path: Path, file: Path, change: str) -> None:
    write_anchor(file, CHANGES[change](signing_key(tmp_path).sign(anchored(log_of("1", "2", "3")))))

    with pytest.raises(AnchorRefused):
        read_anchor(file)


def test_a_file_that_is_no_anchor_is_refused(file: Path) -> None:
    file.write_bytes(b'{"format": "orderwright anchor 1"}')

    with pytest.raises(AnchorRefused, match="is no anchor"):
        read_anchor(file)


def test_an_anchor_of_somebody_elses_key_is_refused_where_the_key_is_known(tmp_path: Path, file: Path) -> None:
    own = signing_key(tmp_path)
    (tmp_path / "forger").mkdir()
    forger = signing_key(tmp_path / "forger")
    write_anchor(file, forger.sign(anchored(log_of("1"))))

    assert read_anchor(file)
    with pytest.raises(AnchorRefused, match=f"another key: {forger.public}"):
        read_anchor(file, public_key=own.public)


def test_a_log_that_went_on_is_still_the_one_that_was_anchored() -> None:
    log = log_of("1", "2")
    anchor = anchored(log)
    appended(OpenedLog(log, log).append("a", "3", expected=2))

    assert check_anchor(log, anchor) == 2
    assert verify(log, after_batch=2).events == 1


def test_a_past_that_was_rewritten_with_all_its_hashes_is_found() -> None:
    anchor = anchored(log_of("1", "2", "3"))
    forged = log_of("1", "22", "3", "4")
    assert verify(forged).events == 4

    with pytest.raises(ChainBroken, match="batch 3 is not the one that was anchored at 2025"):
        check_anchor(forged, anchor)


def test_a_log_that_was_cut_off_before_the_anchor_is_found() -> None:
    anchor = anchored(log_of("1", "2", "3"))

    with pytest.raises(ChainBroken, match=r"batch 3, anchored at 2025.*is missing"):
        check_anchor(log_of("1", "2"), anchor)


def test_an_anchor_of_another_log_says_nothing_about_this_one() -> None:
    anchor = anchored(log_of("1", log_id=2))

    with pytest.raises(AnchorRefused, match="log 2, this is log 1"):
        check_anchor(log_of("1"), anchor)


def test_an_empty_log_has_an_anchor_too() -> None:
    anchor = anchored(log_of())

    assert (anchor.batch_no, anchor.position, anchor.chain) == (0, 0, bytes(32).hex())
    assert check_anchor(log_of("1"), anchor) == 0
