"""Anchors: the head of a log, signed, in a small file that is kept where whoever can change the log cannot reach it.

What is signed (Ed25519, RFC 8032) is this text in UTF-8, a newline after every line, every value as in the file:

    orderwright anchor 1
    log_id LOG
    batch_no BATCH
    position POSITION
    chain HEX
    made_at TIME
"""

import os
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec import Struct

from orderwright.eventstore.chain import GENESIS, StoredBatch
from orderwright.eventstore.store import ChainBroken, EventStoreError
from orderwright.eventstore.verify import ChainSource
from orderwright.moments import Micros, to_iso

KEY_FILE = "anchor.key"

_FORMAT = "orderwright anchor 1"


class AnchorRefused(EventStoreError):
    """A file is no anchor of this log, its signature is not good, or a key cannot be used; the message says which."""


class Anchor(Struct, frozen=True, kw_only=True):
    """Where a log ended at a moment: its last batch (0: it was empty), that batch's last position and chain."""

    log_id: int
    batch_no: int
    position: int
    chain: str
    made_at: str

    @property
    def text(self) -> bytes:
        """Return what is signed."""
        values = msgspec.structs.asdict(self)
        return "".join([f"{_FORMAT}\n", *(f"{name} {value}\n" for name, value in values.items())]).encode()


class SignedAnchor(Struct, frozen=True, kw_only=True):
    """An anchor with the public key and the signature, both in hexadecimal: the content of an anchor's file."""

    format: str
    anchor: Anchor
    public_key: str
    signature: str


class SigningKey:
    """The installation's own key; whoever has the file can make anchors that are taken for the installation's."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> str:
        """Return the public key in hexadecimal."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, anchor: Anchor) -> SignedAnchor:
        """Return the anchor with its signature."""
        signature = self._key.sign(anchor.text).hex()
        return SignedAnchor(format=_FORMAT, anchor=anchor, public_key=self.public, signature=signature)


def signing_key(directory: Path) -> SigningKey:
    """Return the key in the data directory, made at its first use and readable by its owner alone.

    Raises:
        AnchorRefused: the file is no key.
        OSError: it cannot be read or made.
    """
    path = directory / KEY_FILE
    if not path.exists():
        made = Ed25519PrivateKey.generate()
        _write_new(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        message = f"{path} is no key for signing anchors: {error}"
        raise AnchorRefused(message) from error
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{path} is no Ed25519 key"
        raise AnchorRefused(message)
    return SigningKey(key)


def anchor_of(log: ChainSource, last: StoredBatch | None, now: Micros) -> Anchor:
    """Return the anchor of a log whose last batch is `last` (None: it is empty)."""
    return Anchor(
        log_id=log.log_id,
        batch_no=last.batch_no if last else 0,
        position=last.last_position if last else 0,
        chain=(last.chain if last else GENESIS).hex(),
        made_at=to_iso(now),
    )


def write_anchor(path: Path, signed: SignedAnchor) -> None:
    """Write an anchor to a file that must not exist yet.

    Raises:
        FileExistsError: it does: an anchor is never replaced.
        OSError: it cannot be written.
    """
    _write_new(path, msgspec.json.format(msgspec.json.encode(signed)) + b"\n", mode=0o644)


def read_anchor(path: Path, *, public_key: str | None = None) -> Anchor:
    """Return the anchor in a file, once its signature has been checked.

    `public_key` (hexadecimal) is the key it must be signed with; without it the file's own is believed.

    Raises:
        AnchorRefused: the file is no anchor, or not signed as it says, or with another key.
        OSError: it cannot be read.
    """
    try:
        signed = msgspec.json.decode(path.read_bytes(), type=SignedAnchor)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.public_key))
        signature = bytes.fromhex(signed.signature)
    except (msgspec.MsgspecError, ValueError) as error:
        message = f"{path} is no anchor: {error}"
        raise AnchorRefused(message) from error
    if signed.format != _FORMAT:
        message = f"{path} is an anchor of another kind: {signed.format}"
        raise AnchorRefused(message)
    if public_key is not None and public_key.strip().lower() != signed.public_key:
        message = f"{path} was signed with another key: {signed.public_key}"
        raise AnchorRefused(message)
    try:
        key.verify(signature, signed.anchor.text)
    except InvalidSignature as error:
        message = f"the signature of {path} is not good: the file was changed after it was made"
        raise AnchorRefused(message) from error
    return signed.anchor


def check_anchor(log: ChainSource, anchor: Anchor) -> int:
    """Return the number of the anchored batch, once the log still has it as it was; what comes after is not looked at.

    Raises:
        AnchorRefused: it is another log's anchor.
        ChainBroken: the log is not the one that was anchored.
        StoreUnavailable: the database cannot be asked.
    """
    if anchor.log_id != log.log_id:
        message = f"the anchor is of log {anchor.log_id}, this is log {log.log_id}"
        raise AnchorRefused(message)
    if anchor.batch_no == 0:
        return 0
    found = next(log.read_batches(after_batch=anchor.batch_no - 1), None)
    if found is None or found.batch_no != anchor.batch_no:
        message = f"batch {anchor.batch_no}, anchored at {anchor.made_at}, is missing: the log was cut off"
        raise ChainBroken(message)
    if (found.chain.hex(), found.last_position) != (anchor.chain, anchor.position):
        message = (
            f"batch {anchor.batch_no} is not the one that was anchored at {anchor.made_at}: "
            "it, or something before it, was rewritten"
        )
        raise ChainBroken(message)
    return anchor.batch_no


def _write_new(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
