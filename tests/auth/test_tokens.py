import re

import pytest

from orderwright.auth.tokens import TokenKind, new_salt, new_token, token_hash


@pytest.mark.parametrize(("kind", "prefix"), [(TokenKind.WEBHOOK, "owt_"), (TokenKind.API, "owa_")])
def test_a_token_is_recognised_by_its_prefix_and_holds_256_random_bits(kind: TokenKind, prefix: str) -> None:
    token = new_token(kind)
    assert token.startswith(prefix)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token.removeprefix(prefix))


def test_tokens_and_salts_differ() -> None:
    assert len({new_token(TokenKind.WEBHOOK) for _ in range(1000)}) == 1000
    assert len({new_salt() for _ in range(100)}) > 95


def test_a_token_is_known_by_its_sha_256() -> None:
    assert token_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("text", ["", "\ud800", "\x00", "토큰"])
def test_any_text_has_a_hash(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", token_hash(text))


def test_a_salt_is_five_of_a_to_z_and_0_to_9() -> None:
    assert re.fullmatch(r"[a-z0-9]{5}", new_salt())
