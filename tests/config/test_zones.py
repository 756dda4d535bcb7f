"""Zones are found by name, and what is none is told with the key."""

from datetime import UTC, datetime, timedelta

import pytest

from orderwright.config.load import ConfigurationError, load_config
from orderwright.config.zones import find_zone


def test_a_zone_is_found_by_its_name() -> None:
    assert find_zone("UTC") is UTC
    seoul = find_zone("Asia/Seoul")
    assert seoul is not None
    assert datetime(2026, 7, 1, tzinfo=seoul).utcoffset() == timedelta(hours=9)


@pytest.mark.parametrize("name", ["", "Asia", "Asia/Nowhere", "../etc/passwd", "/etc/localtime", "a\0b"])
def test_what_is_no_zone_is_a_fault_of_its_key(name: str) -> None:
    assert find_zone(name) is None
    with pytest.raises(ConfigurationError, match=r"jobs\.zone.*Asia/Seoul"):
        load_config(None, {"ORDERWRIGHT_JOBS__ZONE": name})
