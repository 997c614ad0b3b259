"""The template backends as they stand, behind `numseal serve`: from a sign-up to what becomes of the binding."""

import asyncio
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes.broken_backend import EXAMPLES
from fakes.messenger import Messenger, result, state
from fakes.real_site import Site
from numseal.api.verification.v1 import binding_pb2

NUMBER, OTHER = "+79160000001", "+79160000002"
NODE = EXAMPLES / "node_backend"
OPERATOR = """
[[operators]]
id = "example"
name = "Example Mobile"
country = "RU"
plmns = ["250-01"]

[[operators.parts]]
adapter = "remote"
address = "127.0.0.1:{port}"
tls = false
"""
SECONDS = 30.0


@dataclass
class Template:
    """A template that serves in a directory; started again it has the port that it had."""

    command: tuple[str, ...]
    directory: Path
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        listen = ("--listen", f"127.0.0.1:{self.port}")
        process = await asyncio.create_subprocess_exec(
            *self.command, *listen, cwd=self.directory, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(SECONDS):
                while (found := re.search(rb"port (\d+)\s*$", line := await process.stdout.readline())) is None:
                    assert line, "the template ended before it served"
            self.port = int(found[1])
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.communicate()

    @property
    def key(self) -> Path:
        return self.directory / "reference.key"

    def code(self, number: str = NUMBER) -> str:
        """Return the newest code that a handset received."""
        text = (self.directory / "inbox" / f"{number}.txt").read_text()
        return str(re.findall(r"(?<!\d)\d{6}(?!\d)", text)[-1])

    async def swap(self, number: str = NUMBER) -> None:
        """Change a SIM as the guide does."""
        command = (sys.executable, str(EXAMPLES / "swap.py"), "subscribers.json", number)
        process = await asyncio.create_subprocess_exec(*command, cwd=self.directory)
        assert await process.wait() == 0

    def give_to_another(self, number: str) -> None:
        """Give a number out anew, a second ago."""
        path = self.directory / "subscribers.json"
        text = re.sub(rf'("\{number}".*?"since": )\d+', rf"\g<1>{time.time_ns() // 1_000_000_000}", path.read_text())
        fresh = path.with_suffix(".fresh")
        fresh.write_text(text)
        fresh.replace(path)


def node() -> tuple[str, ...]:
    found = shutil.which("node")
    if found is None or not (NODE / "node_modules" / "@grpc" / "grpc-js").is_dir():
        reason = f"node, or the packages of {NODE} (npm ci there), are missing: the Node template was NOT tested"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return (found, str(NODE / "backend.js"))


@pytest.fixture(params=["python", "node"])
def template(request: pytest.FixtureRequest, tmp_path: Path) -> Template:
    """A template in a directory of its own, not yet started."""
    directory = tmp_path / "operator"
    directory.mkdir()
    shutil.copy(EXAMPLES / "subscribers.json", directory)
    python = (sys.executable, str(EXAMPLES / "python_backend" / "backend.py"))
    return Template(python if request.param == "python" else node(), directory)


def site(tmp_path: Path, template: Template) -> Site:
    return Site.make(tmp_path / "data", OPERATOR.format(port=template.port), {"+7916": "example"})


async def read(messenger: Messenger, binding_id: str) -> binding_pb2.Binding:
    request = binding_pb2.GetBindingRequest(binding_id=binding_id)
    return (await messenger.binding.GetBinding(request, metadata=messenger.metadata)).binding


async def became(
    messenger: Messenger, binding_id: str, wanted: Callable[[binding_pb2.Binding], bool]
) -> binding_pb2.Binding:
    async with asyncio.timeout(SECONDS):
        while not wanted(found := await read(messenger, binding_id)):  # noqa: ASYNC110 - asked as a messenger asks
            await asyncio.sleep(0.05)
    return found


def watched(binding: binding_pb2.Binding) -> bool:
    return binding.monitoring_state == binding_pb2.MONITORING_STATE_WATCHED


def findings(binding: binding_pb2.Binding) -> set[str]:
    return {finding.code for finding in binding.findings}


async def signed_up(messenger: Messenger, template: Template, number: str = NUMBER) -> str:
    """Sign up with the code on the handset, and wait until the number is followed by events."""
    opened = await messenger.start(number, account=number)
    assert state(opened) == "CODE_SENT", opened
    ended = (await messenger.check(opened.verification_id, template.code(number))).verification
    assert state(ended) == "VERIFIED", ended
    bound = await became(messenger, ended.binding_id, watched)
    async with asyncio.timeout(SECONDS):
        while time.time_ns() // 1_000_000_000 <= bound.verified_time.seconds:  # noqa: ASYNC110 - a clock sets no event
            await asyncio.sleep(0.05)
    return ended.binding_id


async def test_a_sign_up_is_verified_and_what_happens_to_the_number_is_told(tmp_path: Path, template: Template) -> None:
    async with template.running(), site(tmp_path, template).serving() as messenger:
        binding_id, other_id = await signed_up(messenger, template), await signed_up(messenger, template, OTHER)
        assert result(await messenger.shown(NUMBER, account=NUMBER)) == "GENUINE"
        await template.swap()
        swapped = await became(messenger, binding_id, lambda found: found.HasField("reverify_by"))
        assert findings(swapped) == {"SIM_CHANGED_SINCE_BINDING"}
        template.give_to_another(OTHER)
        await became(messenger, other_id, lambda found: found.state == binding_pb2.BINDING_STATE_REVOKED)
        assert result(await messenger.shown(OTHER, account=OTHER)) == "REVOKED"


async def test_a_restart_of_the_operator_revokes_nothing(tmp_path: Path, template: Template) -> None:
    async with AsyncExitStack() as numseal:
        async with template.running():
            assert template.key.stat().st_mode & 0o777 == 0o600
            key = template.key.read_bytes()
            messenger = await numseal.enter_async_context(site(tmp_path, template).serving())
            binding_id = await signed_up(messenger, template)
            before = await read(messenger, binding_id)
        async with template.running():
            assert template.key.read_bytes() == key
            # Its events are lost with its memory, and so the number is looked up again, and watched again.
            after = await became(
                messenger,
                binding_id,
                lambda found: watched(found) and found.observed_time.seconds > before.observed_time.seconds,
            )
            assert after.state == binding_pb2.BINDING_STATE_ACTIVE
            assert findings(after) == set()
            assert result(await messenger.shown(NUMBER, account=NUMBER)) == "GENUINE"
