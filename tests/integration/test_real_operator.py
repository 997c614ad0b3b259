"""A sign-up at an operator made of real parts: the code goes through an SMSC, the evidence comes from an OsmoHLR."""

import asyncio
import re
import secrets
from pathlib import Path
from typing import Any

from fakes.gsup import CS, visited
from fakes.messenger import Messenger, answers, state
from fakes.osmo_hlr_process import OsmoHlr, running
from fakes.real_site import Site, secret_file
from fakes.smsc import Smsc, smsc
from numseal.api.verification.v1 import verification_pb2

NUMBER, IMSI = "+79161234567", "250010000000001"
OPERATOR = """
[[operators]]
id = "example"
name = "Example Mobile"
country = "RU"
plmns = ["250-01"]

[[operators.parts]]
name = "hlr"
adapter = "osmo_hlr"
host = "{host}"
reference_key_file = "references.key"
own_prefixes = ["+7916"]
node_networks = {{ 7 = "250-01", 49 = "262-01" }}

[[operators.parts]]
name = "smsc"
adapter = "smpp"
smscs = [{{ name = "one", host = "127.0.0.1", port = {port}, system_id = "numseal", password_file = "password" }}]
"""


def site(directory: Path, hlr: OsmoHlr, center: Smsc) -> Site:
    made = Site.make(directory, OPERATOR.format(host=hlr.host, port=center.port), {"+7916": "example"})
    secret_file(directory / "references.key", secrets.token_hex(32) + "\n")
    secret_file(directory / "password", "secret\n")
    return made


async def code(center: Smsc) -> str:
    """Return the code in the newest text that the SMSC was given."""
    found = re.search(r"(?<!\d)\d{6}(?!\d)", (await center.messages())[-1]["text"])
    assert found is not None
    return found.group()


async def delivered(messenger: Messenger, verification_id: str) -> None:
    async with asyncio.timeout(10):
        while True:
            found = await messenger.get(verification_id)
            if found.code.delivery_state == verification_pb2.DELIVERY_STATE_DELIVERED:
                return
            await asyncio.sleep(0.01)


def signal(lookup: dict[str, Any], name: str) -> tuple[str, str]:
    """Return a signal's state and source."""
    meta = lookup["subscriber"][name]["meta"]
    return meta["state"], meta["source"]


async def test_a_sign_up_over_smpp_with_evidence_from_an_hlr(tmp_path: Path) -> None:
    async with running(tmp_path) as hlr, smsc() as center:
        hlr.create(IMSI, NUMBER[1:])
        async with visited(hlr.host, "79161110000") as node:
            await node.register(IMSI, CS)
            made = site(tmp_path / "data", hlr, center)
            async with made.serving() as messenger:
                opened = await messenger.start(NUMBER, locale="ru")
                assert state(opened) == "CODE_SENT"
                assert "ваш код" in (await center.messages())[-1]["text"]
                await delivered(messenger, opened.verification_id)
                ended = (await messenger.check(opened.verification_id, await code(center))).verification
                assert state(ended) == "VERIFIED"
        evidence = made.explained(opened.verification_id)["evidence"]
    for phase in ("before", "after"):
        assert evidence[phase]["outcome"] == "SUBSCRIBER"
        assert signal(evidence[phase], "sim_ref")[0] == "OK"
        assert signal(evidence[phase], "sim_ref")[1].startswith("hlr")
        assert signal(evidence[phase], "sim_change")[0] == "NOT_SUPPORTED"
        (serving,) = evidence[phase]["subscriber"]["serving"]["value"]
        assert (serving["plmn"], serving["domain"]) == ("250-01", "CS")
    assert evidence["possession"]["delivery"] == "DELIVERED"
    assert IMSI not in str(evidence)


async def test_a_number_that_the_hlr_does_not_have_costs_no_message(tmp_path: Path) -> None:
    async with running(tmp_path) as hlr, smsc() as center:
        made = site(tmp_path / "data", hlr, center)
        async with made.serving() as messenger:
            opened = await messenger.start(NUMBER)
        assert state(opened) == "REJECTED"
        assert [finding.code for finding in opened.findings] == ["NUMBER_UNALLOCATED"]
        assert await center.messages() == []


async def test_a_frozen_hlr_blocks_no_code_and_its_absence_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as hlr, smsc() as center:
        hlr.create(IMSI, NUMBER[1:])
        made = site(tmp_path / "data", hlr, center)
        async with made.serving() as messenger:
            hlr.freeze()
            opened = await messenger.start(NUMBER)
            assert state(opened) == "CODE_SENT"
            ended = (await messenger.check(opened.verification_id, await code(center))).verification
            hlr.thaw()
            assert state(ended) == "VERIFIED"
            assert "LOOKUP_UNANSWERED" in {finding.code for finding in ended.findings}


async def test_an_smsc_that_is_down_is_told_and_not_charged(tmp_path: Path) -> None:
    async with running(tmp_path) as hlr, smsc() as center:
        hlr.create(IMSI, NUMBER[1:])
        made = site(tmp_path / "data", hlr, center)
        made.add("[limits]\nsends_per_number_day = 1\n")
        async with made.serving() as messenger:
            await center.order(stop=True)
            for _ in range(3):
                opened = await messenger.start(NUMBER)
                assert (state(opened), opened.failure_reason) == ("FAILED", "UNAVAILABLE")
            await center.order(resume=center.port)
            async with asyncio.timeout(20):
                while state(opened := await messenger.start(NUMBER)) != "CODE_SENT":
                    assert opened.failure_reason == "UNAVAILABLE"
                    await asyncio.sleep(0.05)
            assert len(await center.messages()) == 1
            with answers("RESOURCE_EXHAUSTED", "NUMBER_SENDS_EXHAUSTED"):
                await messenger.start(NUMBER)
