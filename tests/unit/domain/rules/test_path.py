"""The way a code took, where `test_either_lookup` does not say it already."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.evidence import NODE, NOW, SIM, answer, evidence, known, unknown
from fakes.rules import no_answer, rests_on, shown
from numseal.domain.evidence import (
    Basis,
    ClientNetwork,
    DeliveryState,
    Forwarding,
    ForwardingKind,
    Lookup,
    Method,
    NetworkKind,
    Possession,
    Reachability,
    ServiceState,
    ServingDomain,
)
from numseal.domain.rules.path import sound
from numseal.domain.rules.view import view_of

SENT = NOW - 30


def at(lookup: Lookup, time: int) -> Lookup:
    return replace(lookup, time=time)


def voicemail(reachability: Any) -> Lookup:
    kept = known((Forwarding(ForwardingKind.NOT_REACHABLE, active=True),))
    return answer(forwarding=kept, reachability=reachability)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"possession": shown(Method.VOICE)}, True),
        ({"possession": shown(Method.SMS)}, False),
        ({"possession": shown(Method.NETWORK)}, False),
        ({"possession": None}, False),
        ({"possession": shown(Method.SMS), "earlier": (shown(Method.VOICE),)}, True),
    ],
)
def test_only_spoken_codes_are_forwarded(changes: dict[str, Any], found: bool) -> None:
    after = answer(forwarding=known((Forwarding(ForwardingKind.NO_REPLY, active=True),)))
    assert (rests_on("VOICE_CODE_FORWARDED", after=after, **changes) is not None) is found


@pytest.mark.parametrize(
    ("reachability", "found"),
    [
        (known(Reachability.NOT_REACHABLE), True),
        (known(Reachability.DATA_ONLY), True),
        (unknown(), True),
        (known(Reachability.REACHABLE), False),
        (known(Reachability.SMS_ONLY), False),
    ],
)
def test_voicemail_takes_calls_of_a_handset_that_cannot_be_reached(reachability: Any, found: bool) -> None:
    spoken = {"possession": shown(Method.VOICE)}
    assert (rests_on("VOICE_CODE_FORWARDED", after=voicemail(reachability), **spoken) is not None) is found


@pytest.mark.parametrize("delivery", [None, *DeliveryState])
def test_a_code_that_was_not_delivered(delivery: DeliveryState | None) -> None:
    found = ("possession.delivery",) if delivery is DeliveryState.FAILED else None
    assert rests_on("CODE_ANSWERED_UNDELIVERED", possession=shown(Method.SMS, delivery=delivery)) == found
    earlier = (shown(Method.SMS, delivery=delivery),)
    assert rests_on("CODE_ANSWERED_UNDELIVERED", possession=shown(Method.VOICE), earlier=earlier) == found


OFF: dict[str, Any] = {"sms_service": known(ServiceState.OFF)}
BARRED: dict[str, Any] = {"sms_service": known(ServiceState.BARRED)}
MUTE: dict[str, Any] = {"voice_service": known(ServiceState.OFF)}
AWAY: dict[str, Any] = {"reachability": known(Reachability.NOT_REACHABLE), "last_seen": known(SENT - 1)}
SERVICE = ("before.sms_service", "after.sms_service")
ABSENT = ("before.reachability", "after.reachability", "after.last_seen")
IMS = known((replace(NODE, domain=ServingDomain.IMS),))
ROUTED = known((replace(NODE, basis=Basis.HOME_ROUTED),))


def around(before: dict[str, Any], after: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"before": answer(at=NOW - 60, **before), "after": answer(**after), **changes}


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        (around(OFF, OFF), SERVICE),
        (around(BARRED, OFF), SERVICE),
        (around(OFF, OFF, possession=shown(Method.OPERATOR_CODE)), SERVICE),
        (around(MUTE, MUTE, possession=shown(Method.VOICE)), ("before.voice_service", "after.voice_service")),
        (around(MUTE, MUTE), None),
        (around(OFF, OFF, possession=shown(Method.VOICE)), None),
        (around(OFF, OFF, possession=shown(Method.NETWORK)), None),
        (around(OFF, OFF, possession=shown(Method.NETWORK), earlier=(shown(Method.SMS),)), SERVICE),
        (around({}, OFF), None),
        (around(OFF, {}), None),
        (around(OFF, {"sms_service": unknown()}), None),
        (around({"sms_service": unknown()}, OFF), None),
        (around(OFF, OFF, possession=shown(Method.SMS, delivery=DeliveryState.ACCEPTED)), SERVICE),
        (around(OFF, OFF, possession=shown(Method.SMS, delivery=DeliveryState.FAILED)), SERVICE),
        (around(OFF, OFF, possession=shown(Method.SMS, delivery=DeliveryState.DELIVERED)), None),
        (around(AWAY, AWAY), ABSENT),
        (around(AWAY, AWAY | {"last_seen": known(SENT)}), None),
        (around(AWAY | {"last_seen": known(SENT)}, AWAY), None),
        (around(AWAY, AWAY | {"last_seen": unknown()}), None),
        (around(AWAY, AWAY | {"reachability": known(Reachability.DATA_ONLY)}), None),
        (around(AWAY | {"reachability": unknown()}, AWAY), None),
        # VoWiFi, and routers that answer for the HLR
        (around(AWAY, AWAY | {"serving": IMS}), None),
        (around(AWAY | {"serving": ROUTED}, AWAY), None),
        (around(AWAY, AWAY | {"sim_ref": known(replace(SIM, basis=Basis.HOME_ROUTED))}), None),
        (around(AWAY | {"serving": unknown()}, AWAY | {"sim_ref": unknown()}), ABSENT),
        # only lookups around the code tell
        ({"before": no_answer(), "after": answer(**OFF)}, None),
        ({"before": answer(**OFF), "after": None}, None),
        ({"before": answer(**OFF), "after": no_answer()}, None),
        ({"before": answer(at=SENT + 1, **OFF), "after": answer(**OFF)}, None),
        ({"before": answer(at=SENT, **OFF), "after": answer(**OFF)}, SERVICE),
        ({"before": answer(at=NOW - 60, **OFF), "after": answer(at=NOW - 1, **OFF)}, None),
        # the lookup before a further code is nearer to it than the first
        (
            around(OFF, OFF, before_resend=(answer(at=NOW - 40),)),
            None,
        ),
        (
            around({}, OFF, before_resend=(answer(at=NOW - 40, **OFF),)),
            ("before_resend.sms_service", "after.sms_service"),
        ),
        (around(OFF, OFF, before_resend=(answer(at=NOW - 20),)), SERVICE),
    ],
)
def test_a_code_that_could_not_arrive(changes: dict[str, Any], paths: tuple[str, ...] | None) -> None:
    assert rests_on("CODE_COULD_NOT_ARRIVE", **changes) == paths


def test_a_code_is_sound_that_nothing_of_its_way_speaks_against() -> None:
    forwarded = answer(forwarding=known((Forwarding(ForwardingKind.BUSY, active=True),)))
    view = view_of(evidence(after=forwarded))
    assert sound(view, shown(Method.SMS))
    assert not sound(view, shown(Method.VOICE))
    assert not sound(view, shown(Method.SMS, delivery=DeliveryState.FAILED))
    off = view_of(evidence(**around(OFF, OFF)))
    assert not sound(off, shown(Method.SMS))
    assert sound(off, shown(Method.VOICE))


JUST_THERE: dict[str, Any] = {"plmn": "262-01", "update_time": SENT}


def registered(**changes: Any) -> Lookup:
    return answer(serving=known((replace(NODE, **(JUST_THERE | changes)),)))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"client": ClientNetwork("RU", NetworkKind.FIXED)}, True),
        ({"client": ClientNetwork("RU", NetworkKind.HOSTING)}, True),
        ({"client": ClientNetwork("NL", NetworkKind.HOSTING)}, True),
        ({"client": ClientNetwork("RU", NetworkKind.MOBILE, "beeline")}, True),
        # the client is where the handset is, or on roaming data that is routed home
        ({"client": ClientNetwork("DE", NetworkKind.FIXED)}, False),
        ({"client": ClientNetwork("RU", NetworkKind.MOBILE, "mts")}, False),
        ({"client": None}, False),
        ({"country": "", "home_plmns": ()}, False),
        ({"possession": shown(Method.NETWORK)}, False),
        ({"possession": None}, False),
        ({"possession": shown(Method.NETWORK), "earlier": (shown(Method.SMS),)}, True),
        ({"after": registered(update_time=NOW)}, True),
        ({"after": registered(plmn="901-01")}, True),
        ({"after": registered(basis=Basis.HOME_ROUTED)}, False),
        ({"after": registered(plmn="250-02")}, False),
        ({"after": answer(serving=unknown())}, False),
        # two codes: what is fresh is so from the first one on
        (
            {
                "possession": Possession(Method.VOICE, NOW - 10, NOW),
                "earlier": (Possession(Method.SMS, NOW - 3600, NOW - 3500),),
                "after": registered(update_time=NOW - 3600 - 1799),
            },
            True,
        ),
    ],
)
def test_a_fresh_location_abroad(changes: dict[str, Any], found: bool) -> None:
    held = {"after": registered()} | changes
    assert rests_on("FOREIGN_LOCATION_FRESH", **held) == (("after.serving", "client.country") if found else None)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"client": None}, True),
        ({"home_plmns": ("250-01", "250-02")}, False),
        ({"home_plmns": ()}, False),
        ({"after": registered(plmn="401-01")}, False),
        ({"after": registered(plmn="250-02", basis=Basis.HOME_ROUTED)}, False),
        ({"possession": shown(Method.NETWORK)}, False),
    ],
)
def test_a_fresh_location_in_another_network_at_home(changes: dict[str, Any], found: bool) -> None:
    held = {"after": registered(plmn="250-02")} | changes
    assert rests_on("OTHER_NETWORK_FRESH", **held) == (("after.serving", "home_plmns") if found else None)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"possession": None, "after": None, "before": registered()}, True),
        ({"after": registered(basis=Basis.HOME_ROUTED)}, False),
        ({"country": "", "home_plmns": ()}, False),
        ({"country": "DE"}, False),
        ({"home_plmns": ("262-01",)}, False),
    ],
)
def test_abroad(changes: dict[str, Any], found: bool) -> None:
    assert (rests_on("ROAMING", **({"after": registered()} | changes)) is not None) is found
