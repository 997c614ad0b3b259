"""To whom a number is routed, over real gRPC: by the plan, by a file of ported numbers, by an operator's own answer."""

import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import channels
from fakes.clock import FakeClock
from fakes.messenger import Messenger, answers, codes, state
from fakes.real_site import Site
from fakes.server_process import ServerProcess, door, running, until
from fakes.world import NOW, World
from numseal.adapters.operators.simulator.backend import SimulatedOperator
from numseal.adapters.operators.simulator.operators import OPERATORS
from numseal.api.simulator.v1 import simulator_pb2
from numseal.api.verification.v1 import assurance_pb2, verification_pb2
from numseal.apps import wiring
from numseal.apps.config import Config
from numseal.apps.development import CONFIG_NAME, Development, prepare_development
from numseal.apps.server import assembled, listening
from numseal.domain.evidence import Lookup, LookupOutcome
from numseal.domain.operator import Capabilities, LookupRequest
from numseal.domain.plmn import Plmn
from numseal.domain.verification import Verification
from numseal.ports.operator_backend import OperatorError
from numseal.ports.store import Store

MTS, MTS_2, MTS_3, MEGAFON = "+79161234567", "+79161234568", "+79161234569", "+79261234567"
HEADER = "prefix,length,operator\n"
PLAN = f"{HEADER}+7916,11,mts\n+7926,11,megafon\n"
REASON = re.compile(r"ERROR numseal\.apps\.server: nothing was read again: (.*)")
IN_FORCE = re.compile(r"INFO numseal\.apps\.server: number plan in force: (.*)")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory to serve from, whose plan and ported numbers are files of it."""
    made = tmp_path / "data"
    prepare_development(made)
    (made / "plan.csv").write_text(PLAN)
    (made / "ported.csv").write_text("number,operator\n")
    file = made / CONFIG_NAME
    settings = 'file = "plan.csv"\nporting_file = "ported.csv"\n'
    text = file.read_text()
    section = "[number_plan]\n"
    text = text.replace(section, section + settings) if section in text else f"{section}{settings}\n{text}"
    for name in ("beeline", "kcell", "rostelecom-fixed", "t2", "telekom-de"):
        text = text.replace(f', "{name}"', "").replace(f'"{name}", ', "")
    file.write_text(text)
    return made


async def told(server: ServerProcess, pattern: re.Pattern[str], count: int) -> str:
    """Reload, and wait for what the server says of it: the `count`-th such line since its start."""
    server.process.send_signal(signal.SIGHUP)

    def look() -> str | None:
        found = pattern.findall(server.errors.read_text())
        return str(found[count - 1]) if len(found) >= count else None

    return await until(f"{pattern.pattern} in the log", look)


async def port(messenger: Messenger, number: str, operator_id: str) -> None:
    change = simulator_pb2.PortNumber(operator_id=operator_id)
    await messenger.change(number, simulator_pb2.SubscriberChange(port=change))


async def test_a_range_moves_to_another_operator_without_a_restart(directory: Path) -> None:
    async with running(directory) as server, door(server, directory) as messenger:
        before = await messenger.start(MTS)
        assert (state(before), before.operator.operator_id) == ("CODE_SENT", "mts")
        await port(messenger, MTS_2, "megafon")
        (directory / "plan.csv").write_text(f"{HEADER}+7916,11,megafon\n+7926,11,megafon\n+79165,11,mts\n")
        assert await told(server, IN_FORCE, 1) == "3 ranges, 0 rows of ported numbers"
        # The plan in force says megafon: who is its subscriber is known there, and whoever is not is not served.
        moved = await messenger.sign_up(MTS_2, "bob")
        assert (state(moved), moved.operator.operator_id) == ("VERIFIED", "megafon")
        refused = await messenger.start(MTS_3, "carol")
        assert (state(refused), refused.operator.operator_id) == ("REJECTED", "megafon")
        assert "NUMBER_NOT_SERVED" in codes(refused)
        # What was under way ends where it began.
        ended = (await messenger.check(before.verification_id, await messenger.code(MTS))).verification
        assert (state(ended), ended.operator.operator_id) == ("VERIFIED", "mts")


async def test_a_file_that_cannot_be_used_changes_nothing_and_is_named_with_the_reason(directory: Path) -> None:
    plan, ported = directory / "plan.csv", directory / "ported.csv"
    async with running(directory) as server, door(server, directory) as messenger:
        for count, (path, content, reason) in enumerate(
            [
                (plan, f"{PLAN}7916,11,mts\n".encode(), f"{plan}: line 4, column prefix: expected a plus sign"),
                (plan, f"{HEADER}+7916,11,nobody\n".encode(), "number_plan.file: found the operator nobody in"),
                (plan, HEADER.encode(), f"{plan}: no ranges"),
                (plan, b"\xff", f"{plan}: 'utf-8' codec can't decode"),
                (ported, b"number,operator\n79161234567,megafon\n", f"{ported}: line 2: expected a number such as"),
                (ported, b"\xff", f"{ported}: 'utf-8' codec can't decode"),
            ],
            1,
        ):
            good = path.read_bytes()
            path.write_bytes(content)
            assert reason in await told(server, REASON, count)
            path.write_bytes(good)
        ported.unlink()
        assert "number_plan.porting_file: found" in await told(server, REASON, 7)
        assert state(await messenger.sign_up(MTS)) == "VERIFIED"
        ported.write_text("number,operator\n")
        assert await told(server, IN_FORCE, 1) == "2 ranges, 0 rows of ported numbers"
        said = server.errors.read_text()
        assert said.count(" ERROR ") == 7
        assert "Traceback" not in said


async def test_a_ported_number_is_asked_about_where_the_file_has_it(directory: Path) -> None:
    (directory / "ported.csv").write_text(f"number,operator\n{MTS_2},megafon\n")
    async with running(directory) as server, door(server, directory) as messenger:
        for number in (MTS, MTS_2):
            await port(messenger, number, "megafon")
            opened = await messenger.start(number, number)
            assert (state(opened), opened.operator.operator_id) == ("CODE_SENT", "megafon")
        # Whom the file alone sent there is nobody's of its.
        (directory / "ported.csv").write_text(f"first,last,operator\n{MTS_3},{MTS_3},megafon\n")
        assert await told(server, IN_FORCE, 1) == "2 ranges, 1 rows of ported numbers"
        lost = await messenger.start(MTS_3, "carol")
        assert (state(lost), lost.operator.operator_id) == ("REJECTED", "megafon")
        assert "NUMBER_NOT_SERVED" in codes(lost)


async def test_a_server_does_not_start_on_ported_numbers_that_cannot_be_used(directory: Path) -> None:
    (directory / "ported.csv").write_text("number,operator\n+79161234567,MegaFon\n")
    with pytest.raises(Exception, match=r"ported\.csv: line 2: expected an operator id"):
        async with running(directory):
            pass


@asynccontextmanager
async def told_by(
    said: dict[str, Lookup], config: Config, setup: Development, patch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Messenger, Store]]:
    """Serve while operators answer every lookup so, and as the simulator has it where nothing is said of them."""
    look_up = SimulatedOperator.look_up

    async def mislead(self: SimulatedOperator, request: LookupRequest) -> Lookup:
        answer = said.get(self.operator_id)
        return await look_up(self, request) if answer is None else replace(answer, operator_id=self.operator_id)

    patch.setattr(SimulatedOperator, "look_up", mislead)
    async with (
        assembled(config, FakeClock(NOW)) as parts,
        listening(config, parts) as addresses,
        channels.plain(addresses.grpc) as channel,
    ):
        yield Messenger(channel, (("authorization", f"Bearer {setup.token}"),)), parts.store


def carried(to: str = "", plmn: str = "") -> Lookup:
    return Lookup(LookupOutcome.PORTED, "", NOW, "reference", ported_to=to, ported_plmn=plmn)


async def kept(store: Store, opened: verification_pb2.Verification) -> Verification:
    found = await store.verification(opened.verification_id)
    assert found is not None
    return found


@pytest.mark.parametrize("on", ["mts", "t2"])
async def test_a_number_that_is_ported_on_is_refused_and_both_answers_are_kept(
    config: Config, setup: Development, monkeypatch: pytest.MonkeyPatch, on: str
) -> None:
    said = {"mts": carried("megafon"), "megafon": carried(on)}
    async with told_by(said, config, setup, monkeypatch) as (messenger, store):
        opened = await messenger.start(MTS)
        assert (state(opened), codes(opened)) == ("REJECTED", {"NUMBER_NOT_SERVED"})
        (finding,) = opened.findings
        assert finding.sentence == (
            f"Operator megafon says that the number was ported to {on}, after mts had named megafon: it is nobody's."
        )
        # It rests on both answers, each named with its operator.
        assert [(item.operator_id, item.phase) for item in finding.evidence] == [
            ("megafon", assurance_pb2.EVIDENCE_PHASE_BEFORE),
            ("mts", assurance_pb2.EVIDENCE_PHASE_BEFORE),
        ]
        row = await kept(store, opened)
        assert row.porting is not None
        assert row.before is not None
        assert [(item.operator_id, item.ported_to) for item in (row.porting, row.before)] == [
            ("mts", "megafon"),
            ("megafon", on),
        ]
        assert await messenger.inbox(MTS) == []


def claiming(patch: pytest.MonkeyPatch, plmn: str, *names: str) -> None:
    """Have operators say of themselves that they have a network, and t2 nothing at all."""
    capabilities = SimulatedOperator.capabilities

    async def claim(self: SimulatedOperator) -> Capabilities:
        told = await capabilities(self)
        if self.operator_id == "t2":
            raise OperatorError("T2_DOWN", "no route")
        return replace(told, plmns=(plmn,)) if self.operator_id in names else told

    patch.setattr(SimulatedOperator, "capabilities", claim)


async def test_an_answer_that_names_a_network_leads_to_the_one_operator_that_is_configured_with_it(
    config: Config, setup: Development, monkeypatch: pytest.MonkeyPatch
) -> None:
    claiming(monkeypatch, "250-02", "beeline")
    async with told_by({"mts": carried(plmn="250-02")}, config, setup, monkeypatch) as (messenger, _):
        await port(messenger, MTS, "megafon")
        opened = await messenger.sign_up(MTS)
        assert (state(opened), opened.operator.operator_id) == ("VERIFIED", "megafon")


async def test_a_network_that_two_operators_share_leads_to_none_but_their_ids_do(
    config: Config, setup: Development, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = (Plmn.parse("250-02"),)
    profiles = [
        replace(known, info=replace(known.info, plmns=shared)) if known.info.operator_id in {"megafon", "t2"} else known
        for known in OPERATORS
    ]
    monkeypatch.setattr(wiring, "OPERATORS", tuple(profiles))
    said = {"mts": carried(plmn="250-02")}
    async with told_by(said, config, setup, monkeypatch) as (messenger, _):
        for number in (MTS, MTS_2):
            await port(messenger, number, "t2")
        opened = await messenger.start(MTS)
        assert (state(opened), opened.operator.operator_id) == ("REJECTED", "mts")
        assert "the network 250-02, which is not known to be one operator's" in opened.findings[0].sentence
        said["mts"] = carried("t2", "250-02")
        virtual = await messenger.start(MTS_2, "bob")
        assert (state(virtual), virtual.operator.operator_id) == ("CODE_SENT", "t2")


async def test_an_operator_that_is_not_connected_is_named_as_the_reason(
    config: Config, setup: Development, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_by({"mts": carried("yota", "250-11")}, config, setup, monkeypatch) as (messenger, _):
        opened = await messenger.start(MTS)
    assert (state(opened), opened.failure_reason) == ("FAILED", "NO_AGREEMENT")


async def test_a_number_in_no_range_is_refused_at_once(world: World) -> None:
    with answers("FAILED_PRECONDITION", "NUMBER_NOT_SERVED"):
        await world.messenger.start("+442071234567")


async def test_an_operator_that_the_plan_does_not_name_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    remote = '[[operators.parts]]\nadapter = "remote"\naddress = "127.0.0.1:1"\ntls = false\n'
    both = "".join(f'[[operators]]\nid = "{name}"\nplmns = ["250-01"]\n{remote}' for name in ("near", "far"))
    async with Site.make(tmp_path / "data", both, {"+7916": "near"}).serving():
        pass
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    sentence = "is in [[operators]] and not in the number plan: only numbers ported to it reach it"
    assert [line for line in told if "number plan" in line] == [f"operator far: {sentence}"]
