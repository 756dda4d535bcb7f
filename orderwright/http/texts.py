"""Every sentence a person reads in an HTTP reply, in English and in Korean, and the choice between the two."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

Language = Literal["en", "ko"]

PROBLEM_TEXTS: Mapping[str, tuple[str, str]] = {
    "empty_body": ("The body is empty.", "본문이 비어 있습니다."),
    "not_utf8": ("The body is not UTF-8 text.", "본문이 UTF-8 텍스트가 아닙니다."),
    "not_json": (
        "The body is not valid JSON: line {line}, column {column}.",
        "본문이 올바른 JSON이 아닙니다: {line}번째 줄, {column}번째 칸.",
    ),
    "not_finite": (
        "NaN and Infinity are neither JSON nor amounts.",
        "NaN과 Infinity는 JSON도 수량도 아닙니다.",
    ),
    "not_an_object": (
        "The body must be a JSON object, from {{ to }}.",
        "본문은 {{ 로 시작해 }} 로 끝나는 JSON 객체여야 합니다.",
    ),
    "too_deep": (
        "The JSON is nested deeper than {limit} levels.",
        "JSON이 {limit}단계보다 깊게 중첩되어 있습니다.",
    ),
    "forbidden_characters": (
        "The body contains NUL or half of a surrogate pair.",
        "본문에 NUL 또는 짝이 없는 서로게이트 문자가 있습니다.",
    ),
    "body_too_large": (
        "The body is larger than {limit} bytes.",
        "본문이 {limit}바이트보다 큽니다.",
    ),
    "missing_field": ("{field} is missing.", "{field} 항목이 없습니다."),
    "quantity_missing": (
        "An order needs {field} (percent of capital) or qty (absolute amount).",
        "주문에는 {field}(자본 비율) 또는 qty(절대 수량)가 필요합니다.",
    ),
    "order_id_missing": (
        "CANCEL needs order_id or ref: which order is meant?",
        "CANCEL에는 order_id 또는 ref가 필요합니다: 어느 주문인가요?",
    ),
    "two_quantities": (
        "qty_per and qty exclude each other: send one of them.",
        "qty_per와 qty는 함께 보낼 수 없습니다: 하나만 보내세요.",
    ),
    "not_a_number": (
        "{field} must be a plain number such as 12.5, with at most 18 digits before and after the point.",
        "{field}은(는) 12.5와 같은 일반 숫자여야 하며, 소수점 앞뒤로 최대 18자리입니다.",
    ),
    "not_zero": ("{field} must not be zero.", "{field}은(는) 0일 수 없습니다."),
    "not_positive": ("{field} must be greater than zero.", "{field}은(는) 0보다 커야 합니다."),
    "zero": ("{field} must not be zero.", "{field}은(는) 0일 수 없습니다."),
    "not_text": ("{field} must be text in quotes.", "{field}은(는) 따옴표로 묶은 텍스트여야 합니다."),
    "blank": (
        "{field} is blank: leave it out or fill it in.",
        "{field}이(가) 비어 있습니다: 빼거나 채워 주세요.",
    ),
    "too_long": (
        "{field} is longer than {limit} characters.",
        "{field}이(가) {limit}자보다 깁니다.",
    ),
    "control_characters": (
        "{field} contains control characters.",
        "{field}에 제어 문자가 있습니다.",
    ),
    "not_a_side": (
        "{field} must be buy or sell (long and short are understood).",
        "{field}은(는) buy 또는 sell이어야 합니다(long, short도 됩니다).",
    ),
    "not_a_market_type": (
        "{field} must be SPOT, FUTURES or STOCK.",
        "{field}은(는) SPOT, FUTURES, STOCK 중 하나여야 합니다.",
    ),
    "not_a_priority": (
        "{field} must be a whole number between -{limit} and {limit}.",
        "{field}은(는) -{limit}에서 {limit} 사이의 정수여야 합니다.",
    ),
    "not_a_moment": (
        "{field} must be ISO 8601 with a time zone, or unix seconds or milliseconds.",
        "{field}은(는) 시간대가 있는 ISO 8601이거나 유닉스 초 또는 밀리초여야 합니다.",
    ),
    "already_past": ("{field} is already past.", "{field}이(가) 이미 지났습니다."),
    "unknown_parameter": (
        "{field} cannot be asked for here. Known are: {known}.",
        "{field}은(는) 여기서 쓸 수 없습니다. 쓸 수 있는 것: {known}.",
    ),
    "sent_twice": ("{field} was sent more than once.", "{field}이(가) 두 번 이상 들어 있습니다."),
    "not_a_choice": (
        "{field} must be one of {choices}, or several with commas between them.",
        "{field}은(는) {choices} 중 하나이거나 쉼표로 구분한 여러 개여야 합니다.",
    ),
    "not_a_limit": (
        "{field} must be a whole number from 1 to {limit}.",
        "{field}은(는) 1에서 {limit} 사이의 정수여야 합니다.",
    ),
    "not_a_place": (
        "{field} must be what an earlier answer of this list gave as next.",
        "{field}은(는) 이 목록의 앞선 응답이 next로 준 값이어야 합니다.",
    ),
    "not_a_list": (
        "{field} must be a list of orders, with at least one.",
        "{field}은(는) 하나 이상의 주문이 있는 목록이어야 합니다.",
    ),
    "not_an_order": ("{field} must be a JSON object.", "{field}은(는) JSON 객체여야 합니다."),
    "unknown_order_type": (
        "{field} must be MARKET, LIMIT, STOP_MARKET, STOP_LIMIT, CANCEL or CANCEL_ALL_ORDER.",
        "{field}은(는) MARKET, LIMIT, STOP_MARKET, STOP_LIMIT, CANCEL, CANCEL_ALL_ORDER 중 하나여야 합니다.",
    ),
    "price_required": ("{order_type} needs price.", "{order_type} 주문에는 price가 필요합니다."),
    "stop_price_required": ("{order_type} needs stop_price.", "{order_type} 주문에는 stop_price가 필요합니다."),
    "too_many_orders": (
        "A batch has at most {limit} orders; this one has {count}.",
        "묶음 주문은 최대 {limit}건입니다. 받은 것은 {count}건입니다.",
    ),
    "token_missing": ("The webhook's token is missing.", "웹훅 토큰이 없습니다."),
    "token_invalid": (
        "The token is not valid for this strategy.",
        "이 전략에 유효한 토큰이 아닙니다.",
    ),
    "strategy_not_found": ("There is no strategy of that name.", "그런 이름의 전략이 없습니다."),
    "strategy_inactive": ("The strategy is switched off.", "전략이 꺼져 있습니다."),
    "user_suspended": (
        "The user to whom this token belongs is suspended.",
        "이 토큰의 사용자가 정지되었습니다.",
    ),
    "ip_not_allowed": (
        "Requests from this address are not allowed.",
        "이 주소에서 온 요청은 허용되지 않습니다.",
    ),
    "market_type_mismatch": (
        "The strategy trades {expected}, but the message says {sent}.",
        "전략의 시장은 {expected}인데 메시지에는 {sent}(으)로 되어 있습니다.",
    ),
    "no_accounts": (
        "No account is linked to this strategy for this token.",
        "이 토큰으로 거래할 수 있도록 전략에 연결된 계좌가 없습니다.",
    ),
    "signal_expired": (
        "The signal is too old to be traded; it was recorded and nothing was placed.",
        "신호가 너무 오래되어 거래하지 않았습니다. 기록만 남겼고 주문은 내지 않았습니다.",
    ),
    "id_reused": (
        "This id was already used for another message within 24 hours.",
        "이 id는 24시간 안에 다른 내용의 메시지에 이미 쓰였습니다.",
    ),
    "overloaded": (
        "Too much is waiting; nothing was stored. Send it again in a few seconds.",
        "대기 중인 요청이 너무 많아 저장하지 않았습니다. 몇 초 뒤 다시 보내 주세요.",
    ),
    "not_stored": (
        "The signal is not known to be stored. Sending it again is safe.",
        "신호가 저장되었는지 확인되지 않았습니다. 다시 보내도 안전합니다.",
    ),
    "operation_refused": ("Nothing was done: {why}", "아무것도 하지 않았습니다: {why}"),
    "drift_unexamined": (
        "The log may not be what exchanges hold: {why}. See `orderwright drift`; put it right, or use --accept-drift.",
        "로그가 거래소와 다를 수 있습니다: {why}. `orderwright drift`로 확인해 바로잡거나 --accept-drift로 푸세요.",
    ),
    "quarantined": (
        "It failed again and again, at last with: {why}. It does nothing until it is revived.",
        "계속 실패하여 격리되었습니다(마지막 오류: {why}). 다시 살릴 때까지 아무것도 하지 않습니다.",
    ),
    "busy": (
        "Too much waits for it; nothing was done. Try again in a few seconds.",
        "대기 중인 요청이 너무 많아 아무것도 하지 않았습니다. 몇 초 뒤 다시 시도해 주세요.",
    ),
    "halt_not_stored": (
        "Nothing leaves any more, but that could not be stored and would not survive a restart. Send it again.",
        "주문은 더 이상 나가지 않지만 저장하지 못해 재시작하면 풀립니다. 다시 보내 주세요.",
    ),
    "halt_refused": ("That cannot be halted: {why}", "정지할 수 없습니다: {why}"),
    "not_one_of": ("{field} must be one of {choices}.", "{field}은(는) {choices} 중 하나여야 합니다."),
    "not_a_flag": ("{field} must be true or false.", "{field}은(는) true 또는 false여야 합니다."),
    "shutting_down": (
        "The engine is going down; nothing was stored. Send it again in a few seconds.",
        "엔진이 종료 중이라 저장하지 않았습니다. 몇 초 뒤 다시 보내 주세요.",
    ),
    "standing_by": (
        "This engine stands by for another one and takes nothing; nothing was stored. Send it again in a few seconds.",
        "이 엔진은 다른 엔진을 위해 대기 중이라 아무것도 받지 않았습니다. 몇 초 뒤 다시 보내 주세요.",
    ),
    "order_not_found": ("There is no such order.", "그런 주문이 없습니다."),
    "signal_not_found": ("There is no such signal.", "그런 신호가 없습니다."),
    "strategy_account_not_found": (
        "There is no such strategy account.",
        "그런 전략 계좌가 없습니다.",
    ),
    "unauthorized": (
        "An administrator's token is needed: Authorization: Bearer <token>.",
        "관리자 토큰이 필요합니다: Authorization: Bearer <token>.",
    ),
    "forbidden": ("This token may not do that.", "이 토큰으로는 할 수 없는 일입니다."),
    "declaration_refused": ("The declaration cannot be applied: {why}", "선언을 적용할 수 없습니다: {why}"),
    "store_unavailable": (
        "The database cannot be asked right now.",
        "지금은 데이터베이스에 접근할 수 없습니다.",
    ),
    "unwritten": (
        "The log cannot be written, so nothing was done and nothing will be. What is urgent, do at the exchange.",
        "로그에 기록할 수 없어 아무것도 하지 않았고 앞으로도 하지 않습니다. 급한 일은 거래소에서 직접 처리하세요.",
    ),
    "not_found": ("There is nothing at this address.", "이 주소에는 아무것도 없습니다."),
    "method_not_allowed": (
        "This address does not know the method {method}.",
        "이 주소에서는 {method} 메서드를 쓸 수 없습니다.",
    ),
    "bad_request": ("The request cannot be understood.", "요청을 이해할 수 없습니다."),
    "headers_too_large": (
        "The request's headers are too large.",
        "요청 헤더가 너무 큽니다.",
    ),
    "internal_error": (
        "Something went wrong here; it was noted as {incident}.",
        "내부 오류가 발생했으며 {incident}(으)로 기록했습니다.",
    ),
}
"""reason -> (English, Korean), with named places for details."""

NOTICE_TEXTS: Mapping[str, tuple[str, str]] = {
    "unknown_field": ("{field} is unknown and was ignored.", "{field}은(는) 알 수 없는 항목이라 무시했습니다."),
    "more_unknown_fields": (
        "{count} more unknown fields were ignored.",
        "그 밖에 알 수 없는 항목 {count}개를 무시했습니다.",
    ),
    "ignored_field": (
        "{field} is not needed and was ignored.",
        "{field}은(는) 필요하지 않아 무시했습니다.",
    ),
    "unused_by_type": (
        "{field} is not used by {order_type} and was dropped.",
        "{field}은(는) {order_type} 주문에 쓰이지 않아 제외했습니다.",
    ),
    "unused_beside_orders": (
        "{field} beside orders was ignored: each order has its own fields.",
        "orders와 함께 보낸 {field}은(는) 무시했습니다: 주문마다 자기 항목이 있습니다.",
    ),
    "future_timestamp": (
        "timestamp is in the future: the signal's age counts from its arrival.",
        "timestamp가 미래입니다: 신호의 나이는 도착 시각부터 셉니다.",
    ),
    "results_unavailable": (
        "The first one's results cannot be read right now.",
        "처음 신호의 결과를 지금은 읽을 수 없습니다.",
    ),
}
"""reason -> (English, Korean) of what is told beside a success."""

LEG_TEXTS_KO: Mapping[str, str] = {
    "paused": "거래가 일시 중지되어 있습니다",
    "halted": "엔진이 정지되어 있습니다",
    "no_long_position": "청산할 롱 포지션이 없습니다",
    "no_short_position": "청산할 숏 포지션이 없습니다",
    "insufficient_position": "보유 수량이 부족합니다",
    "below_minimum": "거래소의 최소 주문 기준보다 작습니다",
    "insufficient_capital": "자본이 부족합니다",
    "cancel_unsettled": "앞선 취소의 결과가 아직 확인되지 않았습니다",
    "not_placed": "주문이 거래소에 도달하지 않았습니다",
    "not_cancelled": "취소하지 못한 주문이 있습니다",
    "max_positions_reached": "최대 포지션 수에 도달했습니다",
    "unknown_symbol": "알 수 없는 종목입니다",
    "ambiguous_symbol": "종목이 하나로 정해지지 않습니다",
    "price_unavailable": "가격을 알 수 없습니다",
    "unsupported_by_exchange": "거래소가 지원하지 않습니다",
    "exchange_rejected": "거래소가 거절했습니다",
    "exchange_unreachable": "거래소에 연결할 수 없습니다",
    "order_not_found": "그런 주문이 없습니다",
    "signal_expired": "신호가 너무 오래되었습니다",
    "invalid_field": "항목의 값이 올바르지 않습니다",
    "in_doubt": "거래소에 주문이 있는지 확인하는 중입니다",
}
"""Code of a leg's refusal or failure -> what it means in Korean; the engine's own words follow in brackets."""


def sentence(texts: Mapping[str, tuple[str, str]], reason: str, details: Mapping[str, str], language: Language) -> str:
    """Return the sentence for `reason` with its details filled in."""
    return texts[reason][language == "ko"].format_map(details)


def leg_sentence(code: str | None, error: str | None, language: Language) -> str | None:
    """Return what a person reads about a leg that failed; None if it did not."""
    korean = LEG_TEXTS_KO.get(code) if code is not None and language == "ko" else None
    if korean is None:
        return error
    return f"{korean} ({error})" if error else korean


@lru_cache(maxsize=256)
def chosen_language(accept_language: str | None, fallback: Language) -> Language:
    """Return the language of a reply: the best of English and Korean in `Accept-Language` (RFC 9110), or `fallback`."""
    best: tuple[float, Language] = (0.0, fallback)
    for part in (accept_language or "")[:200].split(","):
        tag, _, weight = part.strip().lower().partition(";")
        language = _LANGUAGES.get(tag.strip().partition("-")[0])
        quality = _quality(weight)
        if language is not None and quality > best[0]:
            best = (quality, language)
    return best[1]


_LANGUAGES: dict[str, Language] = {"en": "en", "ko": "ko"}


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
