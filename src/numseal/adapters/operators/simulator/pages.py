"""Network checks of one operator: pages that recognise the SIM which opens them over mobile data.

A page hands its client a code that is bound to the SIM; the code shows, once, whether that SIM has the number.
"""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest

from numseal.domain.evidence import Reachability, ServiceState
from numseal.domain.operator import NetworkChecked, NetworkOffer, NetworkOrder, NetworkOutcome, NetworkStarted
from numseal.domain.simulation import OpenedPage, SimulatedSubscriber, SubscriptionState

LIFE = 300
"""Seconds that a page and its codes are good for, or until the order's `expire_time`."""

KEPT_PAGES = 10_000


@dataclass(slots=True)
class Page:
    """A page that was asked for; `openings` counts the codes it gave."""

    order: NetworkOrder
    challenge: bytes
    expire_time: int
    openings: int = 0
    used: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """What a code stands for: the SIM that opened the page, and when."""

    page: Page
    sim: tuple[str, int, int]
    time: int


class Pages:
    """Owns the newest 10,000 pages of one operator and the newest 10,000 codes they gave, in memory."""

    def __init__(self, operator_id: str, key: bytes) -> None:
        """Take the operator's name, which is in the pages' addresses, and the key that makes names and codes."""
        self._base = f"https://network.{operator_id}.example/authorize?client_id=numseal&request_uri="
        self._operator_id = operator_id
        self._key = key
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._proofs: OrderedDict[str, Proof] = OrderedDict()

    def begin(self, order: NetworkOrder, now: int) -> NetworkStarted:
        """Make a page; its address holds a reference to the order only (RFC 9126 §2.2)."""
        expire_time = min(order.expire_time, now + LIFE)
        url = f"{self._base}urn:ietf:params:oauth:request_uri:{self._hash(f'page/{order.request_id}')}"
        page = Page(order, bytes.fromhex(self._hash(f"challenge/{order.request_id}")), expire_time)
        self._pages[url] = page
        if len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return NetworkStarted(url, expire_time, page.challenge)

    def find(self, auth_url: str) -> Page | None:
        """Return the page at an address."""
        return self._pages.get(auth_url)

    def visit(self, page: Page, visitor: SimulatedSubscriber, now: int) -> OpenedPage:
        """Open a page from a handset: a code, or an error of RFC 6749 §4.1.2.1."""
        state = page.order.state
        if now >= page.expire_time or page.used:
            return OpenedPage(state, error="invalid_request")
        if visitor.operator_id != self._operator_id or not _has_data(visitor):
            return OpenedPage(state, error="access_denied")
        page.openings += 1
        code = self._hash(f"code/{page.order.request_id}/{page.openings}")
        self._proofs[code] = Proof(page, _sim(visitor), now)
        if len(self._proofs) > KEPT_PAGES:
            self._proofs.popitem(last=False)
        return OpenedPage(state, authorization_code=code)

    def check(self, offer: NetworkOffer, present: SimulatedSubscriber | None, now: int) -> NetworkChecked:
        """Say whether the SIM that opened the page is the one that has the number now; `present` is the number's."""
        proof = self._proofs.get(offer.authorization_code)
        if proof is None or not _belongs(offer, proof.page):
            return NetworkChecked(NetworkOutcome.UNKNOWN)
        if proof.page.used:
            return NetworkChecked(NetworkOutcome.USED)
        if now >= proof.page.expire_time:
            return NetworkChecked(NetworkOutcome.EXPIRED)
        proof.page.used = True
        match = present is not None and _sim(present) == proof.sim
        return NetworkChecked(NetworkOutcome.MATCH if match else NetworkOutcome.MISMATCH, proof.time)

    def _hash(self, text: str) -> str:
        return blake2b(text.encode(), key=self._key, digest_size=16).hexdigest()


def _sim(subscriber: SimulatedSubscriber) -> tuple[str, int, int]:
    return subscriber.msisdn, subscriber.owner_generation, subscriber.sim_generation


def _has_data(subscriber: SimulatedSubscriber) -> bool:
    """Tell whether the handset has mobile data now."""
    return (
        subscriber.state is SubscriptionState.ACTIVE
        and subscriber.data_service is ServiceState.ON
        and subscriber.reachability in {Reachability.REACHABLE, Reachability.DATA_ONLY}
    )


def _belongs(offer: NetworkOffer, page: Page) -> bool:
    """Tell whether an offer is about the page: its number, its state (RFC 6749 §10.12) and its challenge."""
    return (
        offer.phone_number == page.order.phone_number
        and compare_digest(offer.state.encode(errors="replace"), page.order.state.encode(errors="replace"))
        and compare_digest(offer.challenge, page.challenge)
    )
