"""Open a verification: check the wish, count it, look the number up, and have a code sent."""

import hashlib
import ipaddress
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from numseal.domain.agreement import Agreement
from numseal.domain.client_network import ClientNetworks
from numseal.domain.conversion import Conversion
from numseal.domain.errors import Kind, Reasoning, Refusal, invalid, not_found, precondition
from numseal.domain.evidence import Method, NetworkKind
from numseal.domain.limits import SEND_LADDER, Budget, Limits, page_budgets, send_budgets, start_budgets
from numseal.domain.msisdn import parse_msisdn
from numseal.domain.operator import since_binding
from numseal.domain.policy import Policies
from numseal.domain.region import region_code_of
from numseal.domain.relying_party import RelyingParty
from numseal.domain.routing import Routes
from numseal.domain.verdict import Level
from numseal.domain.verification import LIFETIME, NO_CLIENT, Client, Opening, Purpose, State, Verification
from numseal.ports.clock import Clock
from numseal.ports.entropy import Entropy
from numseal.ports.store import Needs, Recall, Rows, Store
from numseal.usecases.device_key import read_device_key
from numseal.usecases.flights import Flights
from numseal.usecases.operator_access import OperatorAccess, Permit, count_charges
from numseal.usecases.send_code import SendCode

MAX_ACCOUNT_ID = 255
MAX_USER_AGENT = 512
MAX_REFERENCE = 255
MAX_IP_ADDRESS = 45
"""Characters of the longest IPv6 address, one that ends in a dotted IPv4 address (RFC 4291 §2.2)."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_BINDING_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a relying party asks for, as it came: nothing in it has been checked."""

    account_id: str
    phone_number: str
    region_code: str = ""
    purpose: Purpose = Purpose.SIGN_UP
    replaces_binding: str = ""
    required_level: Level = Level.LOW
    method: Method = Method.SMS
    client: Client = NO_CLIENT
    locale: str = ""
    app_id: str = ""
    consent_reference: str = ""
    request_id: str = ""

    def digest(self) -> str:
        """Return a hash by which the same wish is known again, hex."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Open:
    """Count the wish against the budgets and put the verification in, or find its id there by its request id."""

    verification: Verification
    request_id: str
    digest: str
    budgets: tuple[Budget, ...]
    conversion: Conversion | None
    permit: Permit

    @property
    def needs(self) -> Needs:
        opening = self.verification.opening
        conversion = () if self.conversion is None else (self.conversion.sends, self.conversion.successes)
        return Needs(
            verifications=(self.verification.verification_id,),
            requests=((opening.relying_party, self.request_id),) if self.request_id else (),
            subjects=((opening.relying_party, opening.phone_number),),
            bindings=(opening.replaces_binding,) if opening.replaces_binding else (),
            budgets=(*self.budgets, *conversion, *(charge.budget for charge in self.permit.charges)),
        )

    def decide(self, rows: Rows) -> Verification | str:
        opening = self.verification.opening
        if self.request_id:
            recall = rows.recall(opening.relying_party, self.request_id)
            if recall is not None:
                if recall.body_hash != self.digest:
                    raise Refusal(
                        Reasoning(Kind.ALREADY_EXISTS, "REQUEST_ID_REUSED", field="request_id"),
                        "this request_id was used within 24 h with another body; use a fresh one for a fresh wish",
                    )
                return recall.verification_id
        self._check_replaced(rows)
        for budget in self.budgets:
            if rows.spent(budget) >= budget.limit:
                raise budget.refuse(rows.now)
        if self.conversion is not None:
            self.conversion.check(rows.spent(self.conversion.sends), rows.spent(self.conversion.successes), rows.now)
        count_charges(rows, self.permit.charges)
        for budget in self.budgets:
            rows.spend(budget)
        held = rows.live_binding(opening.relying_party, opening.phone_number)
        # The batch's time is the one that later batches count from.
        opened = replace(
            self.verification,
            create_time=rows.now,
            update_time=rows.now,
            expire_time=rows.now + LIFETIME,
            next_send_time=rows.now + SEND_LADDER[0] if self.verification.sends else 0,
            held=self.permit.holds(rows.now),
            since_time=None if held is None else since_binding(held.verified_time, rows.now),
        )
        rows.put_verification(opened)
        if self.request_id:
            recall = Recall(self.digest, self.verification.verification_id)
            rows.remember(opening.relying_party, self.request_id, recall)
        return opened

    def _check_replaced(self, rows: Rows) -> None:
        opening = self.verification.opening
        if not opening.replaces_binding:
            return
        replaced = rows.binding(opening.replaces_binding)
        if replaced is None or replaced.relying_party != opening.relying_party:
            raise not_found("BINDING_NOT_FOUND", "replaces_binding: the relying party has no such binding")
        if replaced.account_id != opening.account_id:
            raise precondition(
                "BINDING_OF_ANOTHER_ACCOUNT", "replaces_binding: that binding is another account's, not this one's"
            )


class StartVerification:
    """Opens verifications. Work goes on when the caller has gone; the same request joins it."""

    def __init__(
        self,
        *,
        store: Store,
        send_code: SendCode,
        plan: Routes,
        access: OperatorAccess,
        client_networks: ClientNetworks,
        limits: Limits,
        policies: Policies,
        clock: Clock,
        entropy: Entropy,
        flights: Flights,
    ) -> None:
        """Take what it needs by name."""
        self._client_networks = client_networks
        self._store = store
        self._send_code = send_code
        self._plan = plan
        self._access = access
        self._limits = limits
        self._policies = policies
        self._clock = clock
        self._entropy = entropy
        self._flights = flights

    async def __call__(self, party: RelyingParty, wish: Wish) -> Verification:
        """Return the verification with its code sent, or ended with the reason.

        Raises Refusal for a wish that cannot be granted; nothing was sent or changed then.
        """
        opening, agreement = self._opening(party, wish)
        permit = await self._access.begin(agreement, opening.method)
        now = self._clock.now()
        draft = Verification(
            verification_id=self._entropy.identifier(),
            opening=opening,
            state=State.PENDING,
            create_time=now,
            update_time=now,
            expire_time=now + LIFETIME,
            sends=0 if opening.method is Method.NETWORK else 1,
            pages=1 if opening.method is Method.NETWORK else 0,
        )
        budgets = start_budgets(self._limits, party.relying_party, limited_network(opening))
        conversion = None
        if opening.method is Method.NETWORK:
            budgets += page_budgets(self._limits, party.relying_party, opening.phone_number)
        else:
            budgets += send_budgets(self._limits, party.relying_party, opening.phone_number)
            conversion = Conversion.of(self._limits, party.relying_party, opening.phone_number)
        command = _Open(draft, wish.request_id, wish.digest() if wish.request_id else "", budgets, conversion, permit)
        return await self._flights.join(f"send {draft.verification_id}", lambda: self._run(command))

    async def _run(self, command: _Open) -> Verification:
        opened = (await self._store.apply(command)).value
        if isinstance(opened, Verification):
            return await self._send_code.first(opened)
        # Asked before: join what may still be under way, or take up what a crash cut off.
        known = await self._store.verification(opened)
        if known is None:
            raise not_found("VERIFICATION_FORGOTTEN", "the verification of this request_id is no longer kept")
        verification = known.at(self._clock.now())
        if verification.state is not State.PENDING:
            return verification
        return await self._flights.join(f"send {opened}", lambda: self._send_code.first(verification))

    def _opening(self, party: RelyingParty, wish: Wish) -> tuple[Opening, Agreement]:
        check_account_id(wish.account_id)
        check_request_id(wish.request_id)
        phone_number = parse_msisdn(wish.phone_number, wish.region_code, self._plan.matches)
        region_code = region_code_of(phone_number)
        party.permissions.check(phone_number, region_code)
        _check_optional(wish)
        app = party.app(wish.app_id)
        if app is None:
            raise invalid("app_id", "APP_UNKNOWN", "app_id: no such app is registered for this relying party")
        if wish.method is Method.NETWORK and not app.network_redirect_uri:
            raise invalid(
                "method",
                "METHOD_NOT_SERVED",
                "method: NETWORK needs an app with a registered network_redirect_uri; this one takes SMS, VOICE and "
                "OPERATOR_CODE",
            )
        operator_id = self._plan.owner(phone_number)
        if operator_id is None:
            raise precondition(
                "NUMBER_NOT_SERVED",
                "phone_number: no operator of the number plan owns this range; "
                "numbers of connected operators can be verified",
            )
        agreement = self._access.agreement(party.relying_party, operator_id, wish.method, wish.consent_reference)
        opening = Opening(
            relying_party=party.relying_party,
            account_id=wish.account_id,
            phone_number=phone_number,
            purpose=wish.purpose,
            method=wish.method,
            required_level=wish.required_level,
            operator_id=operator_id,
            agreement_id=agreement.agreement_id,
            policy_digest=self._policies.for_party(party.relying_party).digest,
            region_code=region_code,
            replaces_binding=wish.replaces_binding,
            locale=wish.locale,
            app_id=app.app_id,
            consent_reference=wish.consent_reference,
            client=wish.client,
            client_network=self._client_networks.find(wish.client.ip_address) if wish.client.ip_address else None,
        )
        return opening, agreement


@lru_cache(maxsize=4_096)
def client_network(address: str) -> str:
    """Return the /24 or /56 that a client's address lies in, or nothing for no address."""
    if not address:
        return ""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        # RFC 4291 §2.5.5.2: as a dual-stack socket names an IPv4 client.
        parsed = parsed.ipv4_mapped
    prefix = 24 if parsed.version == 4 else 56  # noqa: PLR2004 - the versions of IP
    return str(ipaddress.ip_network((parsed, prefix), strict=False))


def limited_network(opening: Opening) -> str:
    """Return the client network that is counted against; none for the addresses that a mobile carrier shares out."""
    found = opening.client_network
    if found is not None and found.kind is NetworkKind.MOBILE:
        return ""
    return client_network(opening.client.ip_address)


def check_account_id(account_id: str) -> None:
    """Refuse an account id that is empty or longer than 255 bytes, or that carries control characters."""
    if not account_id:
        raise invalid("account_id", "ACCOUNT_ID_REQUIRED", "account_id: empty; the messenger's own id is expected")
    size = len(account_id.encode())
    if size > MAX_ACCOUNT_ID:
        raise invalid(
            "account_id",
            "ACCOUNT_ID_TOO_LONG",
            f"account_id: {size} bytes; at most {MAX_ACCOUNT_ID} are expected",
        )
    if not account_id.isprintable():
        raise invalid("account_id", "ACCOUNT_ID_MALFORMED", "account_id: has characters that cannot be printed")


def check_request_id(request_id: str) -> None:
    """Refuse a request id, where there is one, of other characters or length than agreed."""
    if request_id and not _REQUEST_ID.fullmatch(request_id):
        raise invalid(
            "request_id",
            "REQUEST_ID_MALFORMED",
            "request_id: 1 to 64 characters of [A-Za-z0-9._-] are expected",
        )


def _is_ip_address(address: str) -> bool:
    # A zone (RFC 4007 §11) names an interface of the client's own, and may be of any length.
    if len(address) > MAX_IP_ADDRESS or "%" in address:
        return False
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _check_optional(wish: Wish) -> None:
    client = wish.client
    if client.ip_address and not _is_ip_address(client.ip_address):
        raise invalid(
            "client.ip_address",
            "IP_ADDRESS_MALFORMED",
            "client.ip_address: not an IPv4 or IPv6 address without zone",
        )
    if len(client.user_agent.encode()) > MAX_USER_AGENT:
        raise invalid(
            "client.user_agent",
            "USER_AGENT_TOO_LONG",
            f"client.user_agent: at most {MAX_USER_AGENT} bytes are expected",
        )
    if client.device_public_key_jwk:
        read_device_key(client.device_public_key_jwk)
    if wish.locale and not _LOCALE.fullmatch(wish.locale):
        raise invalid("locale", "LOCALE_MALFORMED", 'locale: a BCP 47 tag such as "ru" or "pt-BR" is expected')
    if len(wish.consent_reference.encode()) > MAX_REFERENCE:
        raise invalid(
            "consent_reference",
            "CONSENT_REFERENCE_TOO_LONG",
            f"consent_reference: at most {MAX_REFERENCE} bytes are expected",
        )
    if wish.replaces_binding and not _BINDING_ID.fullmatch(wish.replaces_binding):
        raise invalid(
            "replaces_binding",
            "BINDING_ID_MALFORMED",
            "replaces_binding: 32 lowercase hexadecimal digits are expected",
        )
    if wish.purpose is Purpose.CHANGE_NUMBER and not wish.replaces_binding:
        raise invalid(
            "replaces_binding",
            "REPLACES_BINDING_REQUIRED",
            "replaces_binding: required for the purpose CHANGE_NUMBER",
        )
