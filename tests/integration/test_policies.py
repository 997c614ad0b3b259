"""Policies that change while verifications run, over a real server process: each ends under the one it began with."""

import hashlib
import re
import signal
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

from fakes import channels
from fakes.messenger import Messenger, codes, state
from fakes.server_process import ServerProcess, running, until
from numseal.api.verification.v1 import verification_pb2
from numseal.apps.development import CONFIG_NAME, prepare_development
from numseal.domain.policy import parse_policy
from numseal.domain.rules import SHAPES

STRICT_TOKEN = "the-strict-messenger's-token"
PACKAGED = resources.files("numseal.apps").joinpath("data", "policy.toml").read_text(encoding="utf-8")
SEVERE = 'severity = "SEVERE"\ncap = "LOW"\nanswers = ["NETWORK"]\nmax_age_days = 36500\n'
"""For a rule about recent things: everybody's SIM is recent, and takes more than a code."""

REASON = re.compile(r"ERROR numseal\.apps\.server: nothing was read again: (.*)")
IN_FORCE = re.compile(r"policy in force: ([0-9a-f]{64})")


def policy(name: str, sim_recent: str = "") -> str:
    """Write a policy: the packaged one under another name, and with another rule about recent SIMs."""
    text = re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', PACKAGED)
    if sim_recent:
        text, count = re.subn(r"(?s)(\[rules\.SIM_RECENT\]\n).*?\n\n", rf"\1{sim_recent}\n", text)
        assert count == 1
    return text


LENIENT, STRICT, STRICTER = policy("lenient"), policy("strict", SEVERE), policy("stricter", SEVERE)


def digest(text: str) -> str:
    return parse_policy(tomllib.loads(text), SHAPES).digest


@dataclass
class Site:
    """A directory to serve from, whose policies are files of it: the default one's, and a second messenger's."""

    directory: Path
    token: str

    @property
    def default(self) -> Path:
        return self.directory / "policy.toml"

    @property
    def further(self) -> Path:
        return self.directory / "further.toml"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[tuple[ServerProcess, Messenger, Messenger]]:
        """Give the server, and its two messengers."""
        async with running(self.directory) as server, channels.plain(server.grpc) as channel:
            first, second = (
                Messenger(channel, (("authorization", f"Bearer {token}"),)) for token in (self.token, STRICT_TOKEN)
            )
            yield server, first, second


@pytest.fixture
def site(tmp_path: Path) -> Site:
    directory = tmp_path / "data"
    made = Site(directory, prepare_development(directory).token)
    made.default.write_text(LENIENT)
    made.further.write_text(STRICTER)
    file = directory / CONFIG_NAME
    text = file.read_text().replace("[policy]\n", '[policy]\nfile = "policy.toml"\nfurther = ["further.toml"]\n')
    party = text[text.index("[[relying_parties]]") : text.index("[[agreements]]")]
    agreement = text[text.index("[[agreements]]") :]
    for old, new in (
        ("demo-messenger", "strict-messenger"),
        ('# policy = "numseal-default"', 'policy = "stricter"'),
        ('id = "demo"\nrelying_party', 'id = "strict"\nrelying_party'),
    ):
        party, agreement = party.replace(old, new), agreement.replace(old, new)
    token_sha256 = hashlib.sha256(STRICT_TOKEN.encode()).hexdigest()
    party = re.sub(r'token_sha256 = \["[0-9a-f]+"\]', f'token_sha256 = ["{token_sha256}"]', party)
    file.write_text(f"{text}\n{party}\n{agreement}")
    return made


async def told(server: ServerProcess, pattern: re.Pattern[str], count: int) -> str:
    """Reload, and wait for what the server says of it: the `count`-th such line since its start."""
    server.process.send_signal(signal.SIGHUP)

    def look() -> str | None:
        found = pattern.findall(server.errors.read_text())
        return str(found[count - 1]) if len(found) >= count else None

    return await until(f"{pattern.pattern} in the log", look)


async def finish(messenger: Messenger, opened: verification_pb2.Verification, code: str) -> tuple[str, str]:
    """Offer the code; return the state and the policy that it was judged by."""
    ended = (await messenger.check(opened.verification_id, code)).verification
    assert ended.policy_hash == opened.policy_hash
    if state(ended) == "STEP_UP_REQUIRED":
        assert "SIM_RECENT" in codes(ended)
    return state(ended), ended.policy_hash


async def test_each_verification_ends_under_the_policy_that_it_began_with(site: Site) -> None:
    numbers = [f"+7916123456{digit}" for digit in range(7, 10)]
    async with site.serving() as (server, messenger, _):
        before, code_before = await messenger.start(numbers[0]), await messenger.code(numbers[0])
        site.default.write_text(STRICT)
        assert await told(server, IN_FORCE, 1) == digest(STRICT)
        between = await messenger.start(numbers[1], "bob")
        code_between = await messenger.code(numbers[1])
        assert await finish(messenger, before, code_before) == ("VERIFIED", digest(LENIENT))
        site.default.write_text(LENIENT)
        assert await told(server, IN_FORCE, 2) == digest(LENIENT)
        after = await messenger.start(numbers[2], "carol")
        assert await finish(messenger, after, await messenger.code(numbers[2])) == ("VERIFIED", digest(LENIENT))
        assert await finish(messenger, between, code_between) == ("STEP_UP_REQUIRED", digest(STRICT))


@pytest.mark.parametrize("killed", [True, False])
async def test_a_restart_under_another_policy_changes_nothing_under_way(site: Site, killed: bool) -> None:
    site.default.write_text(STRICT)
    async with site.serving() as (server, messenger, _):
        before = await messenger.start("+79161234567")
        code = await messenger.code("+79161234567")
        server.kill() if killed else server.terminate()
        await server.ended()
    site.default.write_text(LENIENT)
    async with site.serving() as (_, messenger, _):
        after = await messenger.start("+79161234568", "bob")
        assert await finish(messenger, before, code) == ("STEP_UP_REQUIRED", digest(STRICT))
        assert await finish(messenger, after, await messenger.code("+79161234568")) == ("VERIFIED", digest(LENIENT))


async def test_a_bad_file_changes_nothing_and_is_named_with_key_and_reason(site: Site) -> None:
    bad: list[tuple[str | bytes, str]] = [
        (LENIENT.replace("step_up_hours = 72", "step_up_hours = 0"), "waiting.step_up_hours"),
        (LENIENT.replace("[rules.ROAMING]", "[rules.ROMING]"), "rules.ROAMING: missing"),
        ("name = [", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        ("a = " + "[" * 100_000, "is not TOML"),
    ]
    async with site.serving() as (server, messenger, _):
        for count, (content, reason) in enumerate(bad, 1):
            site.default.write_bytes(content if isinstance(content, bytes) else content.encode())
            line = await told(server, REASON, count)
            assert line.startswith(f"{site.default}: ")
            assert reason in line
        site.default.unlink()
        assert "No such file" in await told(server, REASON, len(bad) + 1)
        opened = await messenger.start("+79161234567")
        assert await finish(messenger, opened, await messenger.code("+79161234567")) == ("VERIFIED", digest(LENIENT))
        site.default.write_text(STRICT)
        assert await told(server, IN_FORCE, 1) == digest(STRICT)
        said = server.errors.read_text()
        assert "Traceback" not in said
        # One line for each bad file, whatever else stayed as it was.
        assert said.count(" ERROR ") == len(bad) + 1


async def test_relying_parties_have_policies_of_their_own(site: Site) -> None:
    async with site.serving() as (server, messenger, strict):
        ours, theirs = await messenger.start("+79161234567"), await strict.start("+79161234568")
        codes_sent = await messenger.code("+79161234567"), await strict.code("+79161234568")
        assert (ours.policy_hash, theirs.policy_hash) == (digest(LENIENT), digest(STRICTER))
        # A reload that changes one messenger's policy leaves the other's.
        lenient_too = LENIENT.replace('name = "lenient"', 'name = "stricter"')
        site.further.write_text(lenient_too)
        assert await told(server, IN_FORCE, 1) == digest(LENIENT)
        assert (await strict.start("+79161234569", "carol")).policy_hash == digest(lenient_too)
        assert (await messenger.start("+79161234570", "bob")).policy_hash == digest(LENIENT)
        assert await finish(messenger, ours, codes_sent[0]) == ("VERIFIED", digest(LENIENT))
        assert await finish(strict, theirs, codes_sent[1]) == ("STEP_UP_REQUIRED", digest(STRICTER))


async def test_the_file_that_was_written_last_holds_however_often_it_is_told(site: Site) -> None:
    async with site.serving() as (server, messenger, _):
        for count in range(20):
            site.default.write_text(policy(f"number-{count}"))
            server.process.send_signal(signal.SIGHUP)
        last = digest(policy("number-19"))
        pattern = re.compile(rf"policy in force: {last}")
        await until("the last policy", lambda: pattern.search(server.errors.read_text()))
        assert (await messenger.start("+79161234567")).policy_hash == last
