"""Prism, an independent mock server, serving the CAMARA documents themselves and validating requests against them.

with Prism.start() as prism:                        # one process for all documents; None where it is not installed
    async with Gateway(prism) as gateway:           # in the platform's place: tokens, and what Prism is to prefer
        gateway.prefer["sim_swap"] = "code=404"     # from now on (Prism's `Prefer` header)
        gateway.prefer["sim_swap/check"] = ...  # for one path; "POST sim_swap" for one method
        operator = CamaraOperator(gateway.settings(), ...)
        assert gateway.violations == []             # every request was as its document describes
"""

import os
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest
from aiohttp import web

from numseal.adapters.operators.camara.settings import Apis, Settings

PARTS = Path(__file__).parents[1] / "parts"
DOCUMENTS = {
    "one_time_password_sms": "one-time-password-sms-1.1.1",
    "sim_swap": "sim-swap-2.1.0",
    "device_swap": "device-swap-1.0.0",
    "number_recycling": "number-recycling-0.2.0",
    "call_forwarding_signal": "call-forwarding-signal-0.4.0",
    "kyc_tenure": "kyc-tenure-0.2.0",
    "subscription_status": "subscription-status-0.1.0",
    "device_reachability_status": "device-reachability-status-1.1.0",
    "device_roaming_status": "device-roaming-status-1.1.0",
    "number_verification": "number-verification-2.1.0",
    "sim_swap_subscriptions": "sim-swap-subscriptions-0.3.0",
}
START_TIMEOUT = 60


_ERROR = re.compile(
    r"^ {12}(?P<name>\S.*?):\n(?: {14}description:.*\n(?: {16,}.*\n)*)? {14}value:\n"
    r" {16}status: (?P<status>\d+)\n {16}code: (?P<code>\S+)$",
    re.MULTILINE,
)


def document(api: str) -> Path:
    """Return the OpenAPI document of an API."""
    return PARTS / "camara" / "specs" / f"{DOCUMENTS[api]}.yaml"


def documented_errors(api: str) -> list[tuple[str, int, str]]:
    """Return every example of an error in an API's document: its name, status and code."""
    found = _ERROR.finditer(document(api).read_text())
    return [(error["name"], int(error["status"]), error["code"]) for error in found]


class Prism:
    """Owns the node process; `ports` are where each API is, on loopback."""

    def __init__(self, process: "subprocess.Popen[bytes]", ports: Mapping[str, int]) -> None:
        self._process = process
        self.ports = ports

    @classmethod
    def start(cls) -> "Prism":
        """Start, or skip the test where the parts are not installed; with CI=true that fails."""
        node = shutil.which("node")
        home = PARTS / "prism"
        if node is None or not (home / "node_modules" / "@stoplight" / "prism-cli").is_dir():
            missing = f"Prism is not installed: node, and `npm ci` in {home.relative_to(PARTS.parents[1])}, are needed"
            if os.environ.get("CI") == "true":
                pytest.fail(missing)
            pytest.skip(missing)
        ports = _free_ports(len(DOCUMENTS))
        served = dict(zip(DOCUMENTS, ports, strict=True))
        process = subprocess.Popen(
            [node, "serve.js", *(f"{port}={document(api)}" for api, port in served.items())],
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        prism = cls(process, served)
        try:
            prism._wait()
        except BaseException:
            prism.stop()
            raise
        return prism

    def stop(self) -> None:
        """End the process, and wait until it has."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _wait(self) -> None:
        out = self._process.stdout
        assert out is not None
        said, deadline = b"", time.monotonic() + START_TIMEOUT
        while b"ready\n" not in said:
            readable, _, _ = select.select([out], [], [], max(deadline - time.monotonic(), 0))
            part = os.read(out.fileno(), 65_536) if readable else b""
            if not part:
                pytest.fail(f"Prism did not start: {said.decode(errors='replace')}")
            said += part


class Gateway:
    """Stands before Prism on loopback: gives tokens, adds `Prefer`, and keeps what Prism finds wrong with a request.

    `requests` are (api, method, path, correlator, status) in order.
    """

    def __init__(self, prism: Prism) -> None:
        self._prism = prism
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.prefer: dict[str, str] = {}
        self.violations: list[str] = []
        self.requests: list[tuple[str, str, str, str, int]] = []
        self.token_answer: dict[str, Any] = {}
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_route("*", "/{api}/{path:.*}", self._pass_on)
        self._session = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    def settings(self) -> Settings:
        """Return settings of a client of all APIs."""
        return Settings(
            client_id="numseal-test",
            token_url=f"{self.url}/token",
            apis=Apis(**{api: f"{self.url}/{api}" for api in DOCUMENTS}),
            authorization_url=f"{self.url}/authorize",
            before_timeout=5.0,
            timeout=5.0,
            send_timeout=5.0,
            sink_url="https://numseal.example/events",
            sink_listen="127.0.0.1:0",
        )

    async def _token(self, _: web.Request) -> web.Response:
        granted = {"access_token": "token", "token_type": "bearer", "expires_in": 300}
        return web.json_response(granted | self.token_answer)

    async def _pass_on(self, request: web.Request) -> web.Response:
        assert self._session is not None
        api, path = request.match_info["api"], request.raw_path.split("/", 2)[2]
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() in {"authorization", "content-type", "x-correlator", "accept"}
        }
        names = (f"{request.method} {api}", f"{api}/{path}", api)
        preferred = next((self.prefer[name] for name in names if name in self.prefer), None)
        if preferred is not None:
            headers["Prefer"] = preferred
        url = f"http://127.0.0.1:{self._prism.ports[api]}/{path}"
        async with self._session.request(request.method, url, headers=headers, data=await request.read()) as answer:
            if "sl-violations" in answer.headers:
                self.violations.append(f"{api} {answer.headers['sl-violations']}")
            told = (api, request.method, f"/{path}", headers.get("x-correlator", ""), answer.status)
            self.requests.append(told)
            kept = {name: answer.headers[name] for name in ("Content-Type", "x-correlator") if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
