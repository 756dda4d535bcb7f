"""Hypothesis strategies for any struct of the core: well-formed values, in combinations that need make no sense."""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st
from msgspec import Struct

from orderwright.engine.ids import OrderId, SignalId
from orderwright.moments import SECOND, Micros
from tests.engine.given import START, numbered

SYMBOLS = ("BTC/USDT", "ETH/USDT", "BTCUSDT", "DOGE/USDT")

amounts = st.integers(1, 10**36 - 1).map(lambda value: Decimal(value).scaleb(-18))

_KNOWN: Mapping[Any, st.SearchStrategy[Any]] = {
    Decimal: st.one_of(st.sampled_from([Decimal(text) for text in ("1", "0.5", "2", "100")]), amounts),
    Micros: st.integers(0, 60).map(lambda seconds: Micros(START + seconds * SECOND)),
    OrderId: st.sampled_from([OrderId("o1"), OrderId("o2"), OrderId("o3")]),
    SignalId: st.integers(1, 3).map(numbered),
    str: st.sampled_from([*SYMBOLS, "o1", "t1", "t2", "BTC", "USDT"]),
    bool: st.booleans(),
    int: st.integers(0, 3),
    NoneType: st.none(),
}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a type of the core: a struct, a union, a tuple, a dict, an enum or a scalar."""
    if hint in _KNOWN:
        return _KNOWN[hint]
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([any_of(item) for item in get_args(hint)])
    if get_origin(hint) is tuple:
        return st.lists(any_of(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        return st.dictionaries(*map(any_of, get_args(hint)), max_size=2)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    assert issubclass(hint, Struct), hint
    fields = {field.encode_name: any_of(field.type) for field in msgspec.structs.fields(hint)}
    return st.fixed_dictionaries(fields).map(lambda values: hint(**values))
