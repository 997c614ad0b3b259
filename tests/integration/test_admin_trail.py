"""`numseal admin audit-trail` and `operators` against a server that is a process of its own."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import grpc
import pytest

from fakes.administered import WHY, Site
from fakes.server_process import door, spawn
from numseal.api.simulator.v1 import simulator_pb2
from numseal.attestation.entry import agreement_entry
from numseal.tlog import tlog_proof


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("administered") / "data"
    server = spawn(directory)
    try:
        asyncio.run(server.serving())
        yield Site(server, directory)
    finally:
        server.kill()
        server.process.wait()


def test_the_trail_is_printed_and_its_chain_checked(site: Site) -> None:
    printed = site.run("audit-trail").stdout
    assert "configuration  DeclareAgreement  agreements/demo-mts" in printed
    trail = site.json("audit-trail")
    assert (trail["chain"], trail["broken_at"]) == ("WHOLE", None)
    assert [event["sequence"] for event in trail["events"]] == list(range(1, len(trail["events"]) + 1))
    last = trail["events"][-1]
    assert trail["last"] == {"sequence": last["sequence"], "chain_hash": last["chain_hash"]}
    claim, limit = printed.splitlines()[-2:]
    assert claim == f"the chain is whole from event 1 to event {last['sequence']}, {last['chain_hash']}"
    assert "cut off behind that one cannot be seen" in limit
    assert datetime.fromisoformat(last["event_time"]).utcoffset() == timedelta(0)
    part = site.run("audit-trail", "--resource", "agreements/demo-mts").stdout
    assert "not checked" in part
    assert "is whole" not in part
    assert site.json("audit-trail", "--resource", "agreements/demo-mts")["last"] is None
    nothing = site.json("audit-trail", "--resource", "agreements/none")
    assert (nothing["events"], nothing["chain"]) == ([], "NOT_CHECKED")


def test_an_event_in_the_log_is_shown_with_its_entry(site: Site) -> None:
    ended = site.json("agreements", "end", "demo-kcell", *WHY)
    index = tlog_proof.parse(ended["proof"]).index
    trail = site.json("audit-trail", "--resource", "agreements/demo-kcell")
    declared, logged = trail["events"]
    assert declared["log_entry"] is None
    payload = agreement_entry(ended["document"].encode()).decode().splitlines()[2]
    assert logged["log_entry"] == {"leaf_index": index, "kind": "agr", "payload": payload}
    assert f"entry {index} of the log: agr {payload}\n" in site.run("audit-trail").stdout


def test_a_trail_that_was_tampered_with_is_found(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    for tampered in (False, True):
        server = spawn(directory)
        try:
            asyncio.run(server.serving())
            site = Site(server, directory)
            if tampered:
                printed = site.run("audit-trail", code=1).stdout
                assert "is whole" not in printed
                assert site.json("audit-trail", code=1)["last"] is None
                assert "broken at event 2" in site.run("audit-trail", code=1).stdout
                assert site.json("audit-trail", code=1)["broken_at"] == 2
            server.terminate()
            asyncio.run(server.ended())
        finally:
            server.kill()
            server.process.wait()
        with closing(sqlite3.connect(directory / "numseal.db")) as database:
            database.execute("UPDATE audit_event SET administrator_id = 'nobody' WHERE sequence = 2")
            database.commit()


async def _fail(site: Site, operator_id: str, numbers: list[str], *, fail: bool) -> None:
    """Make an operator fail or be well, and have numbers of it verified at once."""
    async with door(site.server, site.directory) as messenger:
        behavior = simulator_pb2.OperatorBehavior(fail=fail)
        request = simulator_pb2.UpdateOperatorRequest(operator_id=operator_id, behavior=behavior)
        await messenger.simulator.UpdateOperator(request, metadata=messenger.metadata)
        calls = (messenger.start(number, f"failing-{number}") for number in numbers)
        for ended in await asyncio.gather(*calls, return_exceptions=True):
            assert not isinstance(ended, BaseException) or isinstance(ended, grpc.aio.AioRpcError)


def test_an_operator_whose_circuit_is_open_is_shown(site: Site) -> None:
    well = {item["operator_id"]: item for item in site.json("operators")}
    assert "unavailable_reason" not in well["mts"]
    assert (well["mts"]["display_name"], well["mts"]["plmns"]) == ("MTS", ["250-01"])
    assert "mts  MTS  250-01  WELL\n" in site.run("operators").stdout
    asyncio.run(_fail(site, "mts", [f"+7916{count:02}34567" for count in range(10, 60)], fail=True))
    try:
        unwell = {item["operator_id"]: item.get("unavailable_reason") for item in site.json("operators")}
        assert unwell.pop("mts") == "OPERATOR_UNWELL"
        assert set(unwell.values()) == {None}
        shown = site.run("operators").stdout
        assert "mts  MTS  250-01  OPERATOR_UNWELL  a circuit is open or half open" in shown
        assert "\n  SendCode  OPEN\n" in shown
    finally:
        asyncio.run(_fail(site, "mts", [], fail=False))
