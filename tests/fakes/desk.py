"""The use cases over a real SQLite store, with fake operators, a fake clock and a signer that can fail.

desk = Desk(store, clock)                     # Desk(store, clock, ...) again is a restarted process
opened = await desk.start("+79161234567")
await desk.check(opened, desk.mts.code())
"""

import asyncio
import contextlib
import re
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fakes.clock import FakeClock
from fakes.evidence import packaged_policy
from fakes.operator import FakeOperator
from fakes.store_rows import Do
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.adapters.signers.pem import Ed25519Signer, Es256Signer
from numseal.adapters.store.sealing import StoreKeys
from numseal.adapters.store.sqlite import open_sqlite_store
from numseal.attestation.bundle import Bundle
from numseal.attestation.public_keys import PublicKeys
from numseal.domain.agreement import Agreement, Agreements
from numseal.domain.client_network import parse_client_networks
from numseal.domain.evidence import Method
from numseal.domain.limits import Budget, Limits, guess_budget, send_budgets
from numseal.domain.number_plan import NumberPlan, Range
from numseal.domain.policy import Policies
from numseal.domain.relying_party import App, RelyingParty
from numseal.domain.verification import Verification
from numseal.ports.signer import SignerError
from numseal.ports.store import Needs, Store
from numseal.usecases.ask_operator import AskOperator
from numseal.usecases.assess import Assess
from numseal.usecases.cancel_verification import CancelVerification
from numseal.usecases.check_code import CheckCode, CodeResult
from numseal.usecases.check_network_proof import CheckNetworkProof, NetworkResult
from numseal.usecases.continue_verification import ContinueVerification, Way
from numseal.usecases.deliveries import Deliveries
from numseal.usecases.flights import Flights
from numseal.usecases.get_verification import GetVerification
from numseal.usecases.issue import Issue, Issuer
from numseal.usecases.look_up import LookUp
from numseal.usecases.operator_access import OperatorAccess
from numseal.usecases.resend_code import ResendCode
from numseal.usecases.send_code import SendCode
from numseal.usecases.start_verification import StartVerification, Wish

ORIGIN = "numseal.test/log"
NUMBER = "+79161234567"
REDIRECT = "https://messenger.example/done"
PARTY = RelyingParty(
    "messenger",
    "Messenger",
    (App("app", "Messenger", {"en": "{{code}} is your code"}, "en", network_redirect_uri=REDIRECT),),
)
CLIENT_NETWORKS = parse_client_networks(
    "prefix,country,kind,operator\n198.18.0.0/16,RU,FIXED,\n100.64.0.0/16,RU,MOBILE,mts\n203.0.113.0/24,NL,HOSTING,\n"
)
AGREEMENTS = tuple(Agreement(f"with-{name}", "messenger", name, 0, 2**40) for name in ("mts", "megafon"))
LIMITS = Limits()
_OF_A_NUMBER = frozenset({"NUMBER_SENDS", "RANGE_SENDS"})


@dataclass
class FlakySigner:
    """Implements `ports.signer` with an ES256 key; fails as often as it is told."""

    real: Es256Signer = field(default_factory=lambda: Es256Signer(ec.generate_private_key(ec.SECP256R1())))
    failures: int = 0

    @property
    def key_id(self) -> str:
        return self.real.key_id

    async def sign(self, message: bytes) -> bytes:
        if self.failures:
            self.failures -= 1
            raise SignerError("the device is away")
        return await self.real.sign(message)


@dataclass(frozen=True, slots=True)
class Ground:
    """What outlives a process: the database, the clock, the keys and the operators."""

    store: Store
    clock: FakeClock
    signer: FlakySigner
    log: Ed25519Signer
    mts: FakeOperator = field(default_factory=lambda: FakeOperator("mts"))
    megafon: FakeOperator = field(default_factory=lambda: FakeOperator("megafon"))

    @property
    def keys(self) -> PublicKeys:
        """What an auditor trusts."""
        return PublicKeys.of("https://numseal.test", [self.signer.real.public_key], ORIGIN, self.log.vkey, "urn:vct")


async def open_ground(path: Any) -> Ground:
    """Open a database; its store is the caller's to close."""
    clock, log = FakeClock(), Ed25519Signer(Ed25519PrivateKey.generate(), ORIGIN)
    entropy = SystemEntropy()
    store = await open_sqlite_store(
        path,
        keys=StoreKeys(entropy.bytes(32)),
        clock=clock,
        entropy=entropy,
        signer=log,
        vkey=log.vkey,
        on_stop=_unexpected,
    )
    return Ground(store, clock, FlakySigner(), log)


def _unexpected(error: Exception) -> None:
    raise AssertionError("the store stopped") from error


class Desk:
    """One process's use cases."""

    def __init__(
        self,
        ground: Ground,
        *,
        policies: Policies | None = None,
        limits: Limits = LIMITS,
        agreements: tuple[Agreement, ...] = AGREEMENTS,
        connected: tuple[str, ...] = ("mts", "megafon"),
        party: RelyingParty = PARTY,
    ) -> None:
        self.ground, self.party, self.limits = ground, party, limits
        self.policies = policies or Policies(packaged_policy())
        self.flights = Flights()
        store, clock, flights, code_key = ground.store, ground.clock, self.flights, b"k" * 32
        backends = {name: operator for name in connected if (operator := getattr(ground, name))}
        ask = AskOperator(backends, clock)
        self.ask, look_up = ask, LookUp(ask, [profile.info for profile in OPERATORS])
        common: dict[str, Any] = {"store": store, "policies": self.policies, "clock": clock}
        self.agreements = Agreements(agreements)
        self.access = access = OperatorAccess(agreements=self.agreements, ask=ask, store=store, clock=clock)
        self.send_code = send_code = SendCode(
            ask=ask,
            look_up=look_up,
            access=access,
            parties={party.relying_party: party},
            limits=limits,
            code_key=code_key,
            **common,
        )
        self.deliveries = Deliveries()
        issuer = Issuer("https://numseal.test", "urn:vct", ORIGIN, ground.keys.to_object())
        self.assess = Assess(
            ask=ask,
            look_up=look_up,
            access=access,
            parties={party.relying_party: party},
            issue=Issue(issuer=issuer, signer=ground.signer, store=store),
            entropy=SystemEntropy(),
            flights=flights,
            **common,
        )
        self._start = StartVerification(
            send_code=send_code,
            plan=NumberPlan([Range("+7916", 11, "mts"), Range("+7926", 11, "megafon")]),
            access=access,
            client_networks=CLIENT_NETWORKS,
            limits=limits,
            entropy=SystemEntropy(),
            flights=flights,
            **common,
        )
        self._get = GetVerification(store=store, assess=self.assess, send_code=send_code, clock=clock, flights=flights)
        self._check = CheckCode(
            store=store,
            ask=ask,
            access=access,
            limits=limits,
            code_key=code_key,
            deliveries=self.deliveries,
            flights=flights,
        )
        self._prove = CheckNetworkProof(
            store=store, ask=ask, access=access, code_key=code_key, clock=clock, flights=flights
        )
        self._continue = ContinueVerification(
            store=store, send_code=send_code, look_up=look_up, access=access, clock=clock, flights=flights
        )
        self._resend = ResendCode(store=store, send_code=send_code, flights=flights)
        self._cancel = CancelVerification(store=store)

    async def start(self, number: str = NUMBER, account: str = "alice", **wish: Any) -> Verification:
        """Open a verification."""
        return await self._start(self.party, Wish(account, number, **wish))

    async def resend(self, opened: Verification, request_id: str = "", method: Method | None = None) -> Verification:
        """Have another code sent."""
        return await self._resend("messenger", opened.verification_id, method, request_id)

    async def take(self, opened: Verification, code: str, key_proof: bytes = b"") -> tuple[CodeResult, Verification]:
        """Offer a code and have nothing assessed, as a process does that ends there."""
        return await self._check("messenger", opened.verification_id, code, key_proof)

    async def check(
        self, opened: Verification, code: str, key_proof: bytes = b""
    ) -> tuple[CodeResult, Verification, Bundle | None]:
        """Offer a code, as the rpc adapter does."""
        result, taken = await self.take(opened, code, key_proof)
        return (result, *await self.assess(taken))

    async def prove(
        self, opened: Verification, proof: str = "proof", state: str | None = None
    ) -> tuple[NetworkResult, Verification]:
        """Offer what a network page returned, as the rpc adapter does."""
        page_state = opened.page.state if state is None and opened.page else state or ""
        result, taken = await self._prove("messenger", opened.verification_id, proof, page_state)
        return result, (await self.assess(taken))[0]

    async def proceed(self, opened: Verification, way: Way, request_id: str = "") -> Verification:
        """Take a way, as the rpc adapter does."""
        taken = await self._continue("messenger", opened.verification_id, way, request_id)
        return (await self.assess(taken))[0]

    async def get(self, opened: Verification) -> tuple[Verification, Bundle | None]:
        """Read a verification."""
        return await self._get("messenger", opened.verification_id)

    async def cancel(self, opened: Verification) -> Verification:
        """Cancel a verification."""
        return await self._cancel("messenger", opened.verification_id)

    async def spent(self, *budgets: Budget) -> tuple[int, ...]:
        """Return what budgets have counted."""
        command = Do(Needs(budgets=budgets), lambda rows: tuple(rows.spent(budget) for budget in budgets))
        return (await self.ground.store.apply(command)).value

    async def sends_counted(self, number: str = NUMBER) -> int:
        """Return the codes counted today; the number's budget and its range's agree."""
        budgets = (budget for budget in send_budgets(self.limits, "messenger", number) if budget.name in _OF_A_NUMBER)
        counts = await self.spent(*budgets)
        assert len(set(counts)) == 1, counts
        return counts[0]

    async def guesses_counted(self, number: str = NUMBER) -> int:
        """Return the wrong guesses counted."""
        (count,) = await self.spent(guess_budget(self.limits, "messenger", number))
        return count

    async def crash(self) -> None:
        """Drop the work under way, as a process does that is killed."""
        for task in list(self.flights._tasks.values()):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def code_of(text: str) -> str:
    """Read the code in a text."""
    found = re.search(r"\d{6}", text)
    assert found is not None
    return found.group()


def wrong(code: str, number: int = 1) -> str:
    """Return a code that is not the right one, another for each number."""
    return f"{(int(code) + number) % 1_000_000:06d}"


def with_kcell() -> tuple[Agreement, ...]:
    """Return the agreements, with one for an operator that is not connected."""
    return (*AGREEMENTS, replace(AGREEMENTS[0], agreement_id="with-kcell", operator_id="kcell"))
