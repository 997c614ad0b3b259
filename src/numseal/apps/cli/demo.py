"""`numseal demo`: a tour against a fresh server, with a table at the end and a bundle that is verified."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from numseal.api.operator.v1 import subscriber_pb2
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.verification.v1 import assurance_pb2, binding_pb2, verification_pb2
from numseal.apps.cli.session import TIMEOUT, Session, open_session
from numseal.apps.cli.style import bad
from numseal.apps.development import prepare_development
from numseal.apps.server import serving
from numseal.attestation.public_keys import PublicKeys
from numseal.verify import verify_bundle

GOOD, TAKEN, FORWARDED, SHOWN = "+79161234567", "+79261234567", "+79031234568", "+79161234568"
PROVED, RECYCLED = "+79161234571", "+79161234572"
LANDLINE, UNALLOCATED = "+74951234567", "+79160001234"
"""Numbers of the simulated operators."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One stop of the tour; `expected` is what a sound server answers."""

    title: str
    expected: str
    play: Callable[["Tour"], Awaitable[str]]


@dataclass(slots=True)
class Tour:
    """The session, and the bundle once there is one."""

    session: Session
    bundle: bytes = b""

    async def sign_up(self, number: str, account: str, *, code: str = "") -> verification_pb2.Verification:
        """Play a sign-up; a given `code` is offered in place of the one on the handset."""
        before = await self.session.last_message(number)
        opened = await self.session.start(
            verification_pb2.StartVerificationRequest(
                account_id=account, phone_number=number, purpose=verification_pb2.PURPOSE_SIGN_UP
            )
        )
        if opened.state != verification_pb2.VERIFICATION_STATE_CODE_SENT:
            return opened
        arrived = await self.session.read_code(number, before)
        if arrived is None:
            return opened
        if code:
            arrived = code if arrived != code else code[::-1]
        return (await self.session.check(opened.verification_id, arrived)).verification

    async def shown(self, number: str, account: str) -> str:
        """Ask whether a number that an account shows is its own."""
        request = binding_pb2.CheckNumberRequest(account_id=account, phone_number=number)
        answer = await self.session.binding.CheckNumber(request, metadata=self.session.metadata, timeout=TIMEOUT)
        result = binding_pb2.NumberCheckResult.Name(answer.result).removeprefix("NUMBER_CHECK_RESULT_")
        return " ".join([result, *(finding.code for finding in answer.findings)])

    async def becomes(self, number: str, account: str, result: str, patience: float = 5.0) -> str:
        """Ask again until a number shown gets a result, as it does once the operator's event has come."""
        answer = await self.shown(number, account)
        end = time.monotonic() + patience
        while not answer.startswith(result) and time.monotonic() < end:
            await asyncio.sleep(0.05)
            answer = await self.shown(number, account)
        return answer

    async def change(self, number: str, *changes: simulator_pb2.SubscriberChange) -> None:
        """Let something happen to a simulated subscriber."""
        request = simulator_pb2.UpdateSubscriberRequest(phone_number=number, changes=changes)
        await self.session.simulator.UpdateSubscriber(request, metadata=self.session.metadata, timeout=TIMEOUT)


def _words(verification: verification_pb2.Verification) -> str:
    state = verification_pb2.VerificationState.Name(verification.state).removeprefix("VERIFICATION_STATE_")
    parts = [state]
    if verification.state == verification_pb2.VERIFICATION_STATE_VERIFIED:
        parts.append(assurance_pb2.AssuranceLevel.Name(verification.assurance_level).removeprefix("ASSURANCE_LEVEL_"))
    notable = [item for item in verification.findings if item.severity != assurance_pb2.SEVERITY_NOTE]
    return " ".join(parts + [finding.code for finding in notable])


async def _good(tour: Tour) -> str:
    verification = await tour.sign_up(GOOD, "alice")
    tour.bundle = verification.bundle.bundle_json
    return f"{_words(verification)}; shown: {await tour.shown(GOOD, 'alice')}"


async def _wrong_code(tour: Tour) -> str:
    verification = await tour.sign_up(SHOWN, "bob", code="000001")
    return f"{_words(verification)}, {verification.attempts_remaining} attempts left"


async def _landline(tour: Tour) -> str:
    return _words(await tour.sign_up(LANDLINE, "carol"))


async def _unallocated(tour: Tour) -> str:
    return _words(await tour.sign_up(UNALLOCATED, "dave"))


async def _taken_over(tour: Tour) -> str:
    await tour.sign_up(TAKEN, "erin")
    # Binding and swap are told apart by their times, which are whole seconds.
    await asyncio.sleep(1.1)
    await tour.change(
        TAKEN,
        simulator_pb2.SubscriberChange(swap_sim=simulator_pb2.SwapSim(kind=subscriber_pb2.SIM_CHANGE_KIND_REPLACED)),
        simulator_pb2.SubscriberChange(change_device=simulator_pb2.ChangeDevice()),
    )
    attacker = await tour.sign_up(TAKEN, "mallory")
    return f"{_words(attacker)}; shown by erin: {await tour.shown(TAKEN, 'erin')}"


async def _forwarded(tour: Tour) -> str:
    forwarding = simulator_pb2.SetForwarding(kind=subscriber_pb2.FORWARDING_KIND_UNCONDITIONAL, active=True)
    await tour.change(FORWARDED, simulator_pb2.SubscriberChange(set_forwarding=forwarding))
    return _words(await tour.sign_up(FORWARDED, "frank"))


async def _spoofed(tour: Tour) -> str:
    return f"shown: {await tour.shown(SHOWN, 'alice')}"


async def _network(tour: Tour) -> str:
    opened = await tour.session.start(
        verification_pb2.StartVerificationRequest(
            account_id="grace",
            phone_number=PROVED,
            purpose=verification_pb2.PURPOSE_SIGN_UP,
            method=assurance_pb2.METHOD_NETWORK,
        )
    )
    return _words(await tour.session.prove(opened, PROVED))


async def _recycled(tour: Tour) -> str:
    await tour.sign_up(RECYCLED, "heidi")
    await asyncio.sleep(1.1)
    await tour.change(RECYCLED, simulator_pb2.SubscriberChange(recycle=simulator_pb2.Recycle()))
    after = await tour.becomes(RECYCLED, "heidi", "REVOKED")
    return f"shown by heidi: {after}"


SCENES = (
    Scene("a good sign-up", "VERIFIED LOW; shown: GENUINE", _good),
    Scene("the network recognises the SIM", "VERIFIED HIGH", _network),
    Scene("a wrong code", "CODE_SENT, 4 attempts left", _wrong_code),
    Scene("a landline", "REJECTED LINE_NOT_MOBILE", _landline),
    Scene("an unallocated number", "REJECTED NUMBER_UNALLOCATED", _unallocated),
    Scene(
        "taken over after a SIM swap",
        "CONTESTED SIM_CHANGED_SINCE_BINDING SIM_RECENT; shown by erin: SUSPENDED CONTESTED BINDING_SUSPENDED",
        _taken_over,
    ),
    Scene("calls are forwarded", "VERIFIED LOW FORWARDING_ACTIVE", _forwarded),
    Scene("a number that is not the account's", "shown: SPOOFED ACCOUNT_HOLDS_ANOTHER_NUMBER", _spoofed),
    Scene("the number gets another subscriber", "shown by heidi: REVOKED BINDING_REVOKED", _recycled),
)


@dataclass(frozen=True, slots=True)
class _Played:
    scene: Scene
    got: str

    @property
    def sound(self) -> bool:
        return self.got == self.scene.expected


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("numseal-bundle.json"),
    show_default=True,
    help="Where to write the good sign-up's bundle.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def demo(output: Path, as_json: bool) -> None:
    """Tour a fresh server with simulated operators: honest sign-ups, spoofed and stolen numbers.

    Exit code 0: everything was answered as expected, and the bundle is valid. 1: something was not. 2: the bundle
    cannot be written.
    """
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="numseal-demo-") as directory:
        played, bundle, keys = asyncio.run(_tour(Path(directory), console))
    try:
        output.write_bytes(bundle)
    except OSError as error:
        click.echo(bad(f"{output}: {error.strerror}; --output names another file"), err=True)
        sys.exit(2)
    report = verify_bundle(bundle, PublicKeys.from_json(keys), int(time.time()))  # noqa: TID251 - the CLI's own clock
    sound = all(item.sound for item in played) and report.exit_code == 0
    if as_json:
        scenes = [
            {"scene": item.scene.title, "expected": item.scene.expected, "got": item.got, "ok": item.sound}
            for item in played
        ]
        click.echo(json.dumps({"ok": sound, "scenes": scenes, "bundle": str(output), "verified": report.to_dict()}))
    else:
        _print_table(played)
        click.echo(f"bundle: {output}")
        click.echo(report.summary())
    sys.exit(0 if sound else 1)


async def _tour(directory: Path, console: Console) -> tuple[list[_Played], bytes, bytes]:
    setup = prepare_development(directory, grpc="127.0.0.1:0", http="127.0.0.1:0")
    played = []
    async with serving(setup.config) as addresses, open_session(addresses.grpc, setup.token) as session:
        tour = Tour(session)
        for number, scene in enumerate(SCENES, 1):
            if console.is_terminal:
                console.print(f"[dim]{number}/{len(SCENES)}[/dim] {scene.title} …")
            played.append(_Played(scene, await scene.play(tour)))
    return played, tour.bundle, setup.public_keys


def _print_table(played: list[_Played]) -> None:
    table = Table("what happens", "what Numseal answers", "as expected")
    for item in played:
        verdict = "[green]yes[/green]" if item.sound else f"[red]no: {item.scene.expected}[/red]"
        table.add_row(item.scene.title, item.got, verdict)
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    console.print(table)
