"""An app that fills codes in by itself: its lines arrive with the code, whoever makes it."""

from dataclasses import replace

import pytest

from fakes.messenger import state
from fakes.world import World, with_other_party
from numseal.api.verification.v1 import assurance_pb2
from numseal.apps.config import Config
from numseal.apps.development import Development

MTS = "+79161234567"


@pytest.fixture
def config(setup: Development) -> Config:
    """Give the first relying party's app an origin and an Android hash."""
    config = with_other_party(setup.config)
    first, *others = config.relying_parties
    app = replace(first.party.apps[0], origin="demo.example", android_hash="FA+9qCX9VSu")
    party = replace(first.party, apps=(app,))
    return replace(config, relying_parties=(replace(first, party=party), *others))


@pytest.mark.parametrize("method", [assurance_pb2.METHOD_SMS, assurance_pb2.METHOD_OPERATOR_CODE])
async def test_a_code_stands_in_the_text_and_in_its_autofill_line(
    world: World, method: assurance_pb2.Method.ValueType
) -> None:
    opened = await world.messenger.start(MTS, method=method)
    assert state(opened) == "CODE_SENT"
    (text,) = await world.messenger.inbox(MTS)
    code = text[:6]
    assert text.startswith(f"{code} is your ")
    assert text.endswith(f"\nFA+9qCX9VSu\n@demo.example #{code}")
    assert state((await world.messenger.check(opened.verification_id, code)).verification) == "VERIFIED"
