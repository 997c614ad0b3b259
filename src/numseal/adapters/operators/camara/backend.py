"""The operator contract, answered by an operator's CAMARA APIs; each that is not offered is announced as missing."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

from numseal.adapters.operators.camara.client import Client
from numseal.adapters.operators.camara.codes import Codes
from numseal.adapters.operators.camara.errors import CamaraError
from numseal.adapters.operators.camara.journal import RETENTION, Journal
from numseal.adapters.operators.camara.lookup import Lookups
from numseal.adapters.operators.camara.network_proof import NetworkProof
from numseal.adapters.operators.camara.oauth import Tokens
from numseal.adapters.operators.camara.seals import Seals
from numseal.adapters.operators.camara.settings import Settings
from numseal.adapters.operators.camara.sink import Sink
from numseal.adapters.operators.camara.transport import Transport
from numseal.adapters.operators.camara.watches import MAX_WATCHES, Watches
from numseal.domain.evidence import Lookup, Method
from numseal.domain.operator import (
    Capabilities,
    CodeCheck,
    CodeChecked,
    CodeOrder,
    CodeSent,
    EventKind,
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


class CamaraOperator:
    """One operator's CAMARA APIs; implements `ports.operator_backend`.

    Nothing is connected before the first call, nothing is left open after `close`. CAMARA knows no request ids: what
    was answered is remembered for a day by this process only, so `idempotent` is not announced.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        operator_id: str,
        plmns: tuple[str, ...],
        clock: Clock,
        private_key: bytes,
        key: bytes,
        certificate_authority: bytes = b"",
    ) -> None:
        """Take the client's private key as PEM and 32 secret bytes for what is sealed; raise `SettingsError`.

        `certificate_authority` is the PEM of an authority to trust in place of the system's.
        """
        self._settings = settings
        self._operator_id = operator_id
        self._plmns = plmns
        self._clock = clock
        seals = Seals(key)
        self._transport = Transport(settings.connections, certificate_authority)
        self._tokens = Tokens(settings, private_key, self._transport, clock)
        client = Client(self._transport, self._tokens, settings.purpose)
        self._lookups = Lookups(settings, client, clock, operator_id, plmns)
        self._codes = Codes(settings, client, clock, seals)
        self._proof = NetworkProof(settings, client, self._tokens, clock, seals)
        self._journal = Journal(clock)
        self._watches = Watches(settings, client, clock, seals)
        self._sink = Sink(settings, clock, self._watches, self._journal)
        apis = settings.apis
        offered = ((Method.OPERATOR_CODE, apis.one_time_password_sms), (Method.NETWORK, apis.number_verification))
        self._methods = tuple(method for method, base in offered if base)
        self._kinds: tuple[EventKind, ...] = (EventKind.SIM_CHANGE,) if apis.sim_swap_subscriptions else ()
        if self._kinds and apis.device_swap:
            self._kinds += (EventKind.DEVICE_CHANGE,)

    @property
    def operator_id(self) -> str:
        """The operator's id in the number plan."""
        return self._operator_id

    @property
    def sink_port(self) -> int:
        """The port at which notifications are taken, 0 before the first watch or stream."""
        return self._sink.port

    async def capabilities(self) -> Capabilities:
        """Tell what the APIs that are offered give; asks nobody."""
        return Capabilities(
            contract_version=CONTRACT_VERSION,
            operator_id=self._operator_id,
            plmns=self._plmns,
            signals=self._lookups.signals,
            methods=self._methods,
            idempotent=False,
            prior_codes_valid=False,
            server_time=self._clock.now(),
            events=self._kinds,
            event_retention=RETENTION if self._kinds else 0,
            max_watches=MAX_WATCHES if self._kinds else 0,
        )

    async def look_up(self, request: LookupRequest) -> Lookup:
        """Return what the APIs say of the number now; of a watched one, its device's change becomes an event."""
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(self._look_up(request))
            group.create_task(self._look_at_device(request))
        answer = asked.result()
        if isinstance(answer, OperatorError):
            raise answer
        return answer

    async def send_code(self, order: CodeOrder) -> CodeSent:
        """Have the operator send a code of its own."""
        self._need(Method.OPERATOR_CODE)
        return await self._codes.send(order)

    async def check_code(self, check: CodeCheck) -> CodeChecked:
        """Have the operator compare its code."""
        self._need(Method.OPERATOR_CODE)
        return await self._codes.check(check)

    async def start_network_check(self, order: NetworkOrder) -> NetworkStarted:
        """Return the authorization request that the client is to open over mobile data."""
        self._need(Method.NETWORK)
        return self._proof.start(order)

    async def finish_network_check(self, offer: NetworkOffer) -> NetworkChecked:
        """Say whether the SIM that opened the page has the number."""
        self._need(Method.NETWORK)
        return await self._proof.finish(offer)

    async def watch_subscriber(self, order: WatchOrder) -> Watch:
        """Have the operator notify of changes of the number's SIM, for a time that the watch tells."""
        self._need_events()
        if not set(order.kinds).intersection(self._kinds):
            raise OperatorError("KINDS_NOT_SUPPORTED", f"kinds: one or more of {', '.join(self._kinds)} are expected")
        await self._sink.open()
        return await self._watches.begin(order)

    async def unwatch_subscriber(self, request_id: str, watch_id: str) -> None:
        """End a watch; one that has ended, or never was, is no error."""
        self._need_events()
        await self._watches.end(request_id, watch_id)

    async def stream_events(self, cursor: str) -> AsyncGenerator[OperatorEvent, None]:
        """Stream what the operator has notified since a cursor. Notifications are taken from the first stream on."""
        self._need_events()
        await self._sink.open()
        async with aclosing(self._journal.stream(cursor)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """End connections, fetches and the sink; every later question fails."""
        await self._sink.close()
        await self._tokens.close()
        await self._transport.close()

    async def _look_up(self, request: LookupRequest) -> Lookup | OperatorError:
        """Return the answer; a failure as a value, which ends nothing that goes on beside it."""
        try:
            return await self._lookups.look_up(request)
        except OperatorError as error:
            return error

    async def _look_at_device(self, request: LookupRequest) -> None:
        """Tell of a device's change since the watch began, or since the last one that was told.

        There is no signal for the time of such a change, and no subscription either; a failure says nothing.
        """
        watched = self._watches.of_number(request.phone_number)
        if watched is None or EventKind.DEVICE_CHANGE not in {*self._kinds}.intersection(watched.kinds):
            return
        try:
            changed = await self._lookups.device_changed(request)
        except CamaraError:
            return
        if changed is None or changed <= watched.device_time:
            return
        self._watches.saw_device(watched, changed)
        self._journal.append(
            OperatorEvent(
                EventKind.DEVICE_CHANGE,
                "",
                self._clock.now(),
                event_id=hashlib.sha256(f"{watched.watch.watch_id} {changed}".encode()).hexdigest()[:32],
                watch_id=watched.watch.watch_id,
                occur_time=changed,
            )
        )

    def _need(self, method: Method) -> None:
        if method not in self._methods:
            raise OperatorError("METHOD_NOT_SUPPORTED", f"this operator offers no CAMARA API for the method {method}")

    def _need_events(self) -> None:
        if not self._kinds:
            raise OperatorError("EVENTS_NOT_SUPPORTED", "this operator offers no subscriptions: look its numbers up")
