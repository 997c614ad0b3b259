"""A sign-up at an operator that is reached by its CAMARA APIs alone, served by prism from their own documents."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fakes.messenger import codes, state
from fakes.prism import DOCUMENTS, Gateway, Prism
from fakes.real_site import Site, secret_file
from numseal.api.verification.v1 import assurance_pb2

NUMBER = "+79161234567"
LEFT_OUT = {"number_verification", "sim_swap_subscriptions"}
OPERATOR = """
[[operators]]
id = "example"
country = "RU"
plmns = ["250-01"]

[[operators.parts]]
adapter = "camara"
client_id = "numseal"
token_url = "{url}/token"
private_key_file = "private.pem"
seal_key_file = "seals.key"

[operators.parts.apis]
{apis}
"""


@pytest.fixture
def prism() -> Iterator[Prism]:
    started = Prism.start()
    try:
        yield started
    finally:
        started.stop()


def site(directory: Path, url: str) -> Site:
    apis = "\n".join(f'{api} = "{url}/{api}"' for api in DOCUMENTS if api not in LEFT_OUT)
    made = Site.make(directory, OPERATOR.format(url=url, apis=apis), {"+7916": "example"})
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    secret_file(directory / "private.pem", pem.decode())
    secret_file(directory / "seals.key", secrets.token_hex(32))
    return made


async def test_a_sign_up_with_a_code_and_evidence_from_camara(tmp_path: Path, prism: Prism) -> None:
    async with Gateway(prism) as gateway:
        made = site(tmp_path / "data", gateway.url)
        async with made.serving() as messenger:
            method = assurance_pb2.METHOD_OPERATOR_CODE
            opened = await messenger.start(NUMBER, locale="en", method=method)
            assert (state(opened), opened.failure_reason, codes(opened)) == ("CODE_SENT", "", set())
            ended = (await messenger.check(opened.verification_id, "123456")).verification
            assert state(ended) == "VERIFIED"
            # The first example of its document says that calls are forwarded, and prism answers with that one.
            assert "FORWARDING_ACTIVE" in codes(ended)
            assert gateway.violations == []
        evidence = made.explained(opened.verification_id)["evidence"]
    asked = {api for api, *_ in gateway.requests}
    assert {"one_time_password_sms", "sim_swap", "kyc_tenure", "subscription_status"} <= asked
    metas = {name: signal["meta"] for name, signal in evidence["before"]["subscriber"].items()}
    assert metas["sim_change"]["state"] == "OK"
    assert all(meta["source"].startswith("camara") for meta in metas.values() if meta["state"] == "OK")
    assert metas["sim_ref"]["state"] == "NOT_SUPPORTED"
    assert evidence["possession"]["method"] == "OPERATOR_CODE"
