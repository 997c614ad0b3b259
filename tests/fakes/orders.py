"""Questions to an operator with everything ordinary filled in."""

from numseal.domain.evidence import SIGNAL_NAMES, Method
from numseal.domain.operator import WATCHED_KINDS, CodeOrder, EventKind, LookupRequest, NetworkOrder, Phase, WatchOrder

EXPIRE_TIME = 1_750_000_600


def lookup_request(
    phone_number: str,
    request_id: str = "l1",
    signals: tuple[str, ...] = SIGNAL_NAMES,
    since_time: int | None = 1_700_000_000,
) -> LookupRequest:
    """Ask for all signals before a sign-up."""
    return LookupRequest(request_id, phone_number, Phase.BEFORE, "agreement", "SIGN_UP", signals, since_time=since_time)


def text_order(
    phone_number: str, request_id: str = "s1", text: str = "Your code is 123456", method: Method = Method.SMS
) -> CodeOrder:
    """Order a text with a code that Numseal made."""
    return CodeOrder(request_id, phone_number, method, "Numseal", "en", EXPIRE_TIME, "agreement", text=text)


def code_order(
    phone_number: str,
    request_id: str = "c1",
    template: str = "Code: {{code}}",
    length: int = 6,
    previous_challenge: bytes = b"",
) -> CodeOrder:
    """Order a code that the operator makes."""
    return CodeOrder(
        request_id,
        phone_number,
        Method.OPERATOR_CODE,
        "Numseal",
        "en",
        EXPIRE_TIME,
        "agreement",
        template=template,
        length=length,
        previous_challenge=previous_challenge,
    )


def network_order(phone_number: str, request_id: str = "n1", expire_time: int = EXPIRE_TIME) -> NetworkOrder:
    """Ask for a page that recognises the SIM."""
    back, state = "https://messenger.example/back", "state-of-16-chars"
    return NetworkOrder(request_id, phone_number, back, state, expire_time, "agreement", "SIGN_UP")


def watch_order(
    phone_number: str,
    request_id: str = "w1",
    kinds: tuple[EventKind, ...] = WATCHED_KINDS,
    expire_time: int | None = None,
) -> WatchOrder:
    """Ask for events about a number."""
    return WatchOrder(request_id, phone_number, "agreement", kinds, expire_time)
