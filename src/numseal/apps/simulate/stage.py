"""The server that a simulation plays against: a real one in this process, in a temporary directory, on loopback."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from numseal.adapters.clock import SimulatedClock
from numseal.adapters.entropy import SystemEntropy
from numseal.adapters.operators.simulator.operators import OperatorProfile
from numseal.adapters.signers.secret_file import read_secret
from numseal.apps.cli.session import Session, open_session
from numseal.apps.config import Config
from numseal.apps.config_parties import RegisteredParty
from numseal.apps.development import prepare_development
from numseal.apps.server import serving
from numseal.apps.simulate.desk import Follower, GrpcDesk
from numseal.apps.simulate.people import UNWATCHED
from numseal.domain.agreement import Agreement
from numseal.domain.policy import Policy
from numseal.domain.relying_party import RelyingParty

PARTIES = ("alpha", "beta")


@dataclass(frozen=True, slots=True)
class Stage:
    """A running server: its clock, the calls to it, and what it tells of bindings."""

    clock: SimulatedClock
    desk: GrpcDesk
    follower: Follower


@asynccontextmanager
async def open_stage(
    directory: Path, *, seed: int, start: int, profiles: tuple[OperatorProfile, ...], policy: Policy | None
) -> AsyncIterator[Stage]:
    """Serve while the block runs; `start` is the simulated time, `policy` takes the place of the packaged one."""
    setup = prepare_development(directory, grpc="127.0.0.1:0", http="127.0.0.1:0")
    tokens = {party: SystemEntropy().bytes(32).hex() for party in PARTIES}
    config = _config(setup.config, tokens)
    config = replace(config, simulator=replace(config.simulator, seed=seed, profiles=profiles))
    if policy is not None:
        config = replace(config, policy=policy)
    clock = SimulatedClock(start)
    async with AsyncExitStack() as stack:
        addresses = await stack.enter_async_context(serving(config, clock))
        sessions: dict[str, Session] = {}
        for party, token in tokens.items():
            sessions[party] = await stack.enter_async_context(open_session(addresses.grpc, token))
        follower = Follower(sessions)
        await follower.begin()
        try:
            yield Stage(clock, GrpcDesk(sessions, read_secret(config.keys.master)), follower)
        finally:
            await follower.end()


def _config(config: Config, tokens: dict[str, str]) -> Config:
    """Put both messengers in place of the development one; beta has no agreement with one operator."""
    apps = config.relying_parties[0].party.apps
    parties = tuple(
        RegisteredParty(
            RelyingParty(party, party.title(), apps),
            frozenset({hashlib.sha256(token.encode()).hexdigest()}),
            frozenset(),
        )
        for party, token in tokens.items()
    )
    agreements = tuple(
        Agreement(f"{party}-{item.operator_id}", party, item.operator_id, item.valid_from, item.valid_until)
        for party in tokens
        for item in config.agreements
        if party == "alpha" or item.operator_id != UNWATCHED
    )
    return replace(config, relying_parties=parties, agreements=agreements)
