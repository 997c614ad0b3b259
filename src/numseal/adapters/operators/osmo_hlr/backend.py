"""The operator's contract, answered by an OsmoHLR: lookups, and nothing else. Codes and events are for others to give.

Every lookup asks the HLR. Nothing is kept: the contract's "same request, same answer" guards against billing twice, and
a lookup costs nothing here, so that a repeated request is answered with what is true by then, never with what is past.
For the same reason `max_age` is always kept, and no signal is ever STALE.
"""

import hashlib
from collections.abc import AsyncIterator

from numseal.adapters.operators.osmo_hlr.ctrl import is_digits
from numseal.adapters.operators.osmo_hlr.pool import Pool
from numseal.adapters.operators.osmo_hlr.settings import Settings
from numseal.adapters.operators.osmo_hlr.signals import Edge
from numseal.domain.evidence import Lookup, LookupOutcome
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeSent,
    LookupRequest,
    NetworkChecked,
    NetworkOffer,
    NetworkOrder,
    NetworkStarted,
    OperatorEvent,
    Watch,
    WatchOrder,
)
from numseal.ports.clock import Clock
from numseal.ports.operator_backend import OperatorError

CONTRACT_VERSION = "1.0"
LEAST_KEY = 16
"""Bytes of a key of references."""


class OsmoHlrOperator:
    """One operator's HLR; implements `ports.operator_backend`. Owns its connections, made at the first lookup."""

    def __init__(
        self, settings: Settings, operator_id: str, plmns: tuple[str, ...], clock: Clock, reference_key: bytes
    ) -> None:
        """Take whose HLR it is and the key of its references (secret, at least 16 bytes, kept as long as bindings are).

        Raises `ValueError` for a shorter key.
        """
        if len(reference_key) < LEAST_KEY:
            raise ValueError(f"reference_key: found {len(reference_key)} bytes, expected {LEAST_KEY} at least")
        self._operator_id = operator_id
        self._plmns = plmns
        self._clock = clock
        self._own_prefixes = settings.own_prefixes
        self._edge = Edge(settings, reference_key)
        self._pool = Pool(settings)

    @property
    def operator_id(self) -> str:
        """The operator's id in the number plan."""
        return self._operator_id

    async def close(self) -> None:
        """End all connections; lookups under way fail with UNAVAILABLE."""
        await self._pool.close()

    async def capabilities(self) -> Capabilities:
        """Tell what this operator can do; the HLR is not asked."""
        return Capabilities(
            contract_version=CONTRACT_VERSION,
            operator_id=self._operator_id,
            plmns=self._plmns,
            signals=self._edge.signals,
            methods=(),
            idempotent=True,
            prior_codes_valid=True,
            server_time=self._clock.now(),
        )

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Return what the HLR has of the number now.

        A number that it does not have is NOT_ASSIGNED in `own_prefixes`, else NOT_SERVED. Raises `OperatorError` with
        REQUEST_REFUSED for what is no number, and as `Pool.ask` does.
        """
        number = request.phone_number
        if not number.startswith("+") or not is_digits(number[1:]):
            raise OperatorError("REQUEST_REFUSED", "phone_number: + and 7 to 15 digits are expected")
        record = await self._pool.ask(number[1:])
        now = self._clock.now()
        reference = hashlib.sha256(f"{self._operator_id}/{request.request_id}".encode()).hexdigest()
        if record is not None:
            signals = self._edge.observe(record, request.signals, now)
            return Lookup(LookupOutcome.SUBSCRIBER, self._operator_id, now, reference, signals)
        own = number.startswith(self._own_prefixes)
        return Lookup(
            LookupOutcome.NOT_ASSIGNED if own else LookupOutcome.NOT_SERVED, self._operator_id, now, reference
        )

    async def send_code(self, order: CodeOrder) -> CodeSent:
        """Raise `OperatorError`: an HLR sends nothing."""
        raise _no_method(f"an HLR sends no code by {order.method}")

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        """Raise `OperatorError`: an HLR makes no codes."""
        raise _no_method("an HLR checks no codes")

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        """Raise `OperatorError`: an HLR recognizes no client."""
        raise _no_method("an HLR does no network checks")

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        """Raise `OperatorError`: an HLR recognizes no client."""
        raise _no_method("an HLR does no network checks")

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        """Raise `OperatorError`: OsmoHLR tells nothing by itself."""
        raise _no_events()

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        """Raise `OperatorError`: there are no watches."""
        raise _no_events()

    async def stream_events(self, cursor: str) -> AsyncIterator[OperatorEvent]:
        """Raise `OperatorError` at the first event: OsmoHLR tells nothing by itself."""
        raise _no_events()
        yield  # an iterator, as the port has it, that ends before its first event


def _no_method(sentence: str) -> OperatorError:
    return OperatorError("METHOD_NOT_SUPPORTED", sentence)


def _no_events() -> OperatorError:
    return OperatorError("EVENTS_NOT_SUPPORTED", "OsmoHLR sends no events: look its numbers up")
