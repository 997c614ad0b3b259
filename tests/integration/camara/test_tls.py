"""TLS to the platform: who is trusted, and by what name."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from fakes.camara_operators import KEY, NUMBER
from fakes.camara_stub import CamaraStub
from fakes.certificates import Authority
from fakes.clock import FakeClock
from fakes.orders import lookup_request, network_order
from numseal.adapters.operators.camara.backend import CamaraOperator
from numseal.adapters.operators.camara.settings import Apis
from numseal.ports.operator_backend import OperatorError
from numseal.usecases.ask_operator import AskOperator


@pytest.fixture
async def port(tmp_path: Path, authority: Authority) -> AsyncIterator[int]:
    """A platform that answers everything with a swap long ago, as localhost."""
    identity = authority.issue("localhost")
    (tmp_path / "pem").write_bytes(identity.key + identity.certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "pem")

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response({"access_token": "t", "token_type": "Bearer", "expires_in": 60})
        return web.json_response({"latestSimChange": "2020-01-01T00:00:00Z"})

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@pytest.fixture
def authority() -> Authority:
    return Authority("operator's authority")


def operator(port: int, host: str, trusted: bytes) -> CamaraOperator:
    stub = CamaraStub(FakeClock())
    base = f"https://{host}:{port}"
    apis = Apis(sim_swap=f"{base}/sim-swap/v2", number_verification=f"{base}/number-verification/v2")
    stub.url = "http://127.0.0.1"
    return CamaraOperator(
        replace(stub.settings(), apis=apis, token_url=f"{base}/token", authorization_url=f"{base}/authorize"),
        operator_id="mts",
        plmns=("250-01",),
        clock=stub.clock,
        private_key=stub.private_key,
        key=KEY,
        certificate_authority=trusted,
    )


async def test_an_authority_of_its_own_is_trusted(port: int, authority: Authority) -> None:
    asked = operator(port, "localhost", authority.certificate)
    answer = await asked.look_up(lookup_request(NUMBER, signals=("sim_change",)))
    assert answer.subscriber is not None
    assert answer.subscriber.sim_change.known is not None
    await asked.close()


@pytest.mark.parametrize(("host", "name"), [("localhost", "another"), ("127.0.0.1", "operator's authority")])
async def test_another_authority_or_name_is_not(port: int, authority: Authority, host: str, name: str) -> None:
    trusted = authority if host == "127.0.0.1" else Authority(name)
    asked = operator(port, host, trusted.certificate)
    with pytest.raises(OperatorError) as caught:
        await asked.look_up(lookup_request(NUMBER, signals=("sim_change",)))
    assert (caught.value.reason, caught.value.sent) == ("UNREACHABLE", False)
    await asked.close()


async def test_a_page_is_believed_by_the_facade(authority: Authority) -> None:
    asked = operator(443, "localhost", authority.certificate)
    page, reason = await AskOperator({"mts": asked}, FakeClock()).start_network_check("mts", network_order(NUMBER), 3.0)
    assert page is not None, reason
    assert page.auth_url.startswith("https://localhost:443/authorize?response_type=code&client_id=numseal-test&")
    await asked.close()
