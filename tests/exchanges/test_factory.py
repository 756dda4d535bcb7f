"""The factory makes the gateway that was declared, and says what it can make otherwise."""

import asyncio
import threading

import pytest

from orderwright.exchanges.factory import GatewayFactory, UnknownExchange
from orderwright.exchanges.gateway import ExchangeUnavailable
from orderwright.exchanges.loop import ExchangeLoop, LoopClosed
from orderwright.exchanges.paper.client import BadAddress


def test_an_unknown_exchange_is_refused_with_what_is_supported(factory: GatewayFactory) -> None:
    with pytest.raises(UnknownExchange, match="unknown exchange 'mtgox'; supported: paper"):
        factory.make("mtgox", account="A1")


@pytest.mark.parametrize("url", ["127.0.0.1:9001", "ftp://127.0.0.1", "http://", "http://[broken"])
def test_an_address_that_is_none_is_refused(factory: GatewayFactory, url: str) -> None:
    with pytest.raises(BadAddress):
        factory.make("paper", account="A1", url=url)


def test_in_process_accounts_share_one_exchange(factory: GatewayFactory) -> None:
    for account in ("A1", "A2"):
        factory.make("paper", account=account).open()
    assert [account.account for account in factory.paper().dump().accounts] == ["A1", "A2"]


def test_a_factory_can_be_closed_twice(factory: GatewayFactory) -> None:
    factory.make("paper", account="A1").open()
    factory.close()
    factory.close()


def test_the_loop_runs_coroutines_on_one_thread_and_ends_them_on_close() -> None:
    async def name() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    loop = ExchangeLoop()
    assert loop.run(name(), timeout=5) == "exchange-loop"
    endless = loop.start(asyncio.sleep(60))
    loop.close()
    loop.close()
    assert endless.cancelled()
    with pytest.raises(LoopClosed):
        loop.start(name())
    with pytest.raises(ExchangeUnavailable):
        loop.run(name(), timeout=1)


def test_waiting_on_the_loop_ends_at_the_timeout() -> None:
    loop = ExchangeLoop()
    with pytest.raises(ExchangeUnavailable, match=r"no answer within 0\.05 s"):
        loop.run(asyncio.sleep(60), timeout=0.05)
    loop.close()
