"""The hashes, against values computed by hand from their description."""

import hashlib
import struct
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orderwright.eventstore.chain import GENESIS, StoredBatch, chain_hash, leaf_hash, merkle_root
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros

EVENT = StoredEvent(
    position=7,
    stream="inbox-김",
    version=3,
    event_id=UUID(int=1),
    type="happened",
    schema_version=2,
    recorded_at=Micros(1_700_000_000_000_001),
    causation=UUID(int=2),
    correlation=UUID(int=3),
    payload='{"a": 1}',
)
BATCH = StoredBatch(batch_no=4, epoch=2, first_position=7, event_count=1, root=b"r" * 32, chain=b"c" * 32)


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def number(value: int) -> bytes:
    return struct.pack(">q", value)


def text(value: str) -> bytes:
    return struct.pack(">I", len(value.encode())) + value.encode()


def test_a_leaf_covers_every_column_in_the_documented_form() -> None:
    expected = sha(
        b"\x00",
        *map(number, [1, 7, 9, 3, 2, 1_700_000_000_000_001]),
        *(UUID(int=n).bytes for n in (1, 2, 3)),
        text("inbox-김"),
        text("happened"),
        text('{"a": 1}'),
    )

    assert leaf_hash(EVENT, log_id=1, stream_id=9) == expected


def test_a_change_in_any_column_changes_the_leaf() -> None:
    other = {
        "position": 8,
        "stream": "inbox",
        "version": 4,
        "event_id": UUID(int=9),
        "type": "happene",
        "schema_version": 1,
        "recorded_at": 0,
        "causation": UUID(int=9),
        "correlation": UUID(int=9),
        "payload": '{"a":1}',
    }
    assert set(other) == set(EVENT.__struct_fields__)
    leaves = {leaf_hash(replace(EVENT, **{name: value}), log_id=1, stream_id=9) for name, value in other.items()}
    leaves |= {leaf_hash(EVENT, log_id=n, stream_id=m) for n, m in ((1, 9), (2, 9), (1, 8))}

    assert len(leaves) == len(other) + 3


def test_text_cannot_slide_from_one_column_into_the_next() -> None:
    one = replace(EVENT, stream="ab", type="c")
    two = replace(EVENT, stream="a", type="bc")

    assert leaf_hash(one, log_id=1, stream_id=1) != leaf_hash(two, log_id=1, stream_id=1)


def test_the_root_of_five_leaves_is_built_as_in_rfc_6962() -> None:
    a, b, c, d, e = (sha(bytes([n])) for n in range(5))
    left = sha(b"\x01", sha(b"\x01", a, b), sha(b"\x01", c, d))

    assert merkle_root([a, b, c, d, e]) == sha(b"\x01", left, e)
    assert merkle_root([a]) == a


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=20, unique=True), st.data())
def test_any_swap_or_loss_of_leaves_changes_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(leaves) - 2))
    swapped = leaves[:]
    swapped[at], swapped[at + 1] = swapped[at + 1], swapped[at]

    assert len({merkle_root(leaves), merkle_root(swapped), merkle_root(leaves[:-1])}) == 3


def test_the_chain_covers_the_batch_before_and_all_of_this_one() -> None:
    expected = sha(GENESIS, *map(number, [1, 4, 7, 1, 2]), b"r" * 32)

    assert chain_hash(GENESIS, BATCH, log_id=1) == expected
    assert chain_hash(GENESIS, replace(BATCH, chain=b""), log_id=1) == expected
