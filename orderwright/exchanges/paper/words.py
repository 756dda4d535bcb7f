"""Why the paper exchange says no, and how the real exchanges put it.

Sources: Binance's error lists for spot and USD-M futures (https://developers.binance.com/docs), Bybit's v5 error codes,
OKX's v5 error codes, the main error codes of Upbit (https://docs.upbit.com) and Bithumb (https://apidocs.bithumb.com).
Where an exchange's words for a reason are not known, the paper exchange's own are given: no code is made up.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Reason(StrEnum):
    """Why a request is refused."""

    DUPLICATE_ID = "duplicate_id"
    CLIENT_ID = "client_id"
    LATE = "late"
    UNSUPPORTED = "unsupported"
    MAINTENANCE = "maintenance"
    RATE_LIMIT = "rate_limit"
    MARKET = "market"
    MALFORMED = "malformed"
    STEP = "step"
    TICK = "tick"
    MIN_AMOUNT = "min_amount"
    MIN_NOTIONAL = "min_notional"
    BALANCE = "balance"
    MARGIN = "margin"
    NOTHING_TO_REDUCE = "nothing_to_reduce"
    STOP_TOO_LOW = "stop_too_low"
    STOP_TOO_HIGH = "stop_too_high"
    LEVERAGE = "leverage"
    LEVERAGE_MARGIN = "leverage_margin"


class Objection(Struct, frozen=True, kw_only=True):
    """A refusal before it is put into an exchange's words; `words` are the paper exchange's own."""

    reason: Reason
    words: str


Words = Mapping[Reason, str]
"""reason -> an exchange's words; `{side}` stands for bid or ask."""

_BINANCE: Words = {
    Reason.CLIENT_ID: "-1100 Illegal characters found in parameter 'newClientOrderId'.",
    Reason.LATE: "-1021 Timestamp for this request is outside of the recvWindow.",
    Reason.RATE_LIMIT: "-1015 Too many new orders.",
    Reason.MARKET: "-1121 Invalid symbol.",
    Reason.MALFORMED: "-1102 A mandatory parameter was not sent, was empty/null, or malformed.",
}

BINANCE_SPOT: Words = {
    **_BINANCE,
    Reason.DUPLICATE_ID: "-2010 Duplicate order sent.",
    Reason.MAINTENANCE: "-2010 Market is closed.",
    Reason.STEP: "-1013 Filter failure: LOT_SIZE",
    Reason.TICK: "-1013 Filter failure: PRICE_FILTER",
    Reason.MIN_AMOUNT: "-1013 Filter failure: LOT_SIZE",
    Reason.MIN_NOTIONAL: "-1013 Filter failure: NOTIONAL",
    Reason.BALANCE: "-2010 Account has insufficient balance for requested action.",
    Reason.STOP_TOO_LOW: "-2010 Stop price would trigger immediately.",
    Reason.STOP_TOO_HIGH: "-2010 Stop price would trigger immediately.",
}

BINANCE_FUTURES: Words = {
    **_BINANCE,
    Reason.DUPLICATE_ID: "-4116 ClientOrderId is duplicated.",
    Reason.STEP: "-1111 Precision is over the maximum defined for this asset.",
    Reason.TICK: "-4014 Price not increased by tick size.",
    Reason.MIN_AMOUNT: "-4003 Quantity less than or equal to zero.",
    Reason.MIN_NOTIONAL: "-4164 Order's notional must be no smaller than 5 (unless you choose reduce only).",
    Reason.MARGIN: "-2019 Margin is insufficient.",
    Reason.NOTHING_TO_REDUCE: "-2022 ReduceOnly Order is rejected.",
    Reason.STOP_TOO_LOW: "-2021 Order would immediately trigger.",
    Reason.STOP_TOO_HIGH: "-2021 Order would immediately trigger.",
    Reason.LEVERAGE: "-4028 Leverage is not valid.",
    Reason.LEVERAGE_MARGIN: "-2028 Leverage is smaller than permitted: insufficient margin balance.",
}

_BYBIT: Words = {
    Reason.CLIENT_ID: "10001 params error: orderLinkId",
    Reason.LATE: "10002 The request time exceeds the time window range.",
    Reason.RATE_LIMIT: "10006 Too many visits!",
    Reason.MALFORMED: "10001 params error",
}

BYBIT_SPOT: Words = {
    **_BYBIT,
    Reason.DUPLICATE_ID: "170141 Duplicate clientOrderId",
    Reason.MARKET: "170121 Invalid symbol.",
    Reason.STEP: "170137 Order volume decimal too long",
    Reason.TICK: "170134 Order price decimal too long.",
    Reason.MIN_AMOUNT: "170140 Transaction amount lower than the minimum.",
    Reason.MIN_NOTIONAL: "170140 Transaction amount lower than the minimum.",
    Reason.BALANCE: "170131 Balance insufficient",
}

BYBIT_FUTURES: Words = {
    **_BYBIT,
    Reason.DUPLICATE_ID: "110072 OrderLinkedID is duplicate",
    Reason.MIN_NOTIONAL: "110094 Order notional value below the lower limit",
    Reason.MARGIN: "110007 ab not enough for new order",
    Reason.NOTHING_TO_REDUCE: "110017 Reduce-only rule not satisfied",
    Reason.STOP_TOO_LOW: "110092 expect Rising, but trigger_price <= current",
    Reason.STOP_TOO_HIGH: "110093 expect Falling, but trigger_price >= current",
    Reason.LEVERAGE: "110013 Due to risk limit, cannot set leverage",
    Reason.LEVERAGE_MARGIN: "110044 Insufficient available margin",
}

OKX: Words = {
    Reason.DUPLICATE_ID: "51016 Client order ID already exists.",
    Reason.CLIENT_ID: "51000 Parameter clOrdId error",
    Reason.LATE: "50102 Timestamp request expired",
    Reason.RATE_LIMIT: "50011 Rate limit reached. Please refer to API documentation and throttle requests accordingly",
    Reason.MARKET: "51001 Instrument ID does not exist",
    Reason.MALFORMED: "51000 Parameter error",
    Reason.STEP: "51121 Order count should be the integer multiples of the lot size",
    Reason.MIN_AMOUNT: "51020 Order amount should be greater than the min available amount",
    Reason.BALANCE: "51008 Order placement failed due to insufficient balance or margin",
    Reason.MARGIN: "51008 Order placement failed due to insufficient balance or margin",
    Reason.NOTHING_TO_REDUCE: "51205 Reduce-Only is not available",
    Reason.STOP_TOO_LOW: "51278 SL trigger price can not be lower than the last price",
    Reason.STOP_TOO_HIGH: "51280 SL trigger price can not be higher than the last price",
    Reason.LEVERAGE: "59102 Leverage exceeds the maximum leverage. Please adjust the leverage",
}

UPBIT: Words = {
    Reason.RATE_LIMIT: "too_many_requests",
    Reason.MALFORMED: "create_{side}_error 주문 요청 정보가 올바르지 않습니다.",
    Reason.TICK: "invalid_price_{side}",
    Reason.MIN_NOTIONAL: "under_min_total_{side} 주문 요청 금액이 최소주문금액 미만입니다.",
    Reason.BALANCE: "insufficient_funds_{side} 매수/매도 가능 잔고가 부족합니다.",
}

BITHUMB: Words = {
    Reason.MARKET: "currency does not have a valid value 빗썸에서 지원하지 않는 코인 입니다.",
    Reason.MALFORMED: "invalid_parameter 잘못된 파라미터 입니다.",
    Reason.TICK: "invalid_price_{side} 주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요.",
}
