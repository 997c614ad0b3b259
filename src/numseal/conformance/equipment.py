"""The operator's test equipment as the profile names it: reading a handset's messages, and changing a SIM.

Commands, addresses and files only; what is asked, and what the answer means, is for checks.
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import aiohttp

from numseal.conformance.profile import Reach
from numseal.conformance.results import CannotCheck

TIMEOUT = 15.0
"""Seconds that a command or an address is given."""

MAX_OUTPUT = 1 << 20
_OK = 200


async def ask(reach: Reach, number: str, nonce: str) -> str:
    """Return what the equipment says about a number; raise `CannotCheck` where it does not work."""
    try:
        async with asyncio.timeout(TIMEOUT):
            if reach.command:
                return await _run([_filled(word, number, nonce) for word in reach.command])
            if reach.url:
                return await _fetch(_filled(reach.url, number.replace("+", "%2B"), nonce))
            return await asyncio.to_thread(_read, Path(_filled(reach.file, number, nonce)))
    except TimeoutError:
        raise CannotCheck(f"the profile's {_way(reach)} did not end within {TIMEOUT:.0f} s") from None
    except (OSError, ValueError, aiohttp.ClientError) as error:
        raise CannotCheck(f"the profile's {_way(reach)} does not work: {error}") from None


def _filled(template: str, number: str, nonce: str) -> str:
    return template.replace("{number}", number).replace("{nonce}", nonce)


def _way(reach: Reach) -> str:
    return f"command {reach.command[0]}" if reach.command else reach.url or f"file {reach.file}"


async def _run(command: list[str]) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise ValueError(f"it ended with {process.returncode}: {last or 'no word on stderr'}")
    return output[:MAX_OUTPUT].decode(errors="replace")


async def _fetch(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        if response.status != _OK:
            raise ValueError(f"it answered with the status {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_OUTPUT:
                break
        return body[:MAX_OUTPUT].decode(errors="replace")


def _read(path: Path) -> str:
    """Return a file's text, empty where there is none: a handset that received nothing has no file."""
    try:
        with path.open(errors="replace", encoding="utf-8") as file:
            return file.read(MAX_OUTPUT)
    except FileNotFoundError:
        return ""
