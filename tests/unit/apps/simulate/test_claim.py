import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fakes.simulated_desk import CODE, NOW, FakeDesk
from numseal.api.verification.v1 import assurance_pb2 as asr
from numseal.api.verification.v1 import verification_pb2 as pb
from numseal.apps.simulate.claim import Claim, Claimant, DeviceKey, Result
from numseal.apps.simulate.timeline import HOUR, TICK, Timeline
from numseal.attestation.jwk import load_p256
from numseal.attestation.jws import verify_es256

CLAIM = Claim("+79161234567", "alpha", "alice", "198.18.0.1")


async def play(claim: Claim, claimant: Claimant, timeline: Timeline) -> Result:
    found: list[Result] = []

    async def story() -> None:
        found.append(await claimant.play(claim))

    timeline.add(NOW, story)
    await timeline.play(NOW)
    return found[0]


async def test_a_person_reads_the_code_and_is_bound(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    key = DeviceKey()
    result = await play(replace(CLAIM, key=key), claimant, timeline)
    assert (result.first, result.final, result.level, result.bound, result.challenged) == (
        "VERIFIED", "VERIFIED", "LOW", True, True,
    )  # fmt: skip
    (asked,) = desk.named("check")
    assert isinstance(asked, pb.CheckCodeRequest)
    public = load_p256(json.loads(key.jwk))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    verify_es256(f"numseal/v1\nkey-proof\n{'f' * 32}\n".encode(), asked.key_proof, public)


async def test_who_mistypes_offers_another_code_first(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    result = await play(replace(CLAIM, mistypes=True), claimant, timeline)
    assert result.bound
    assert [item.code for item in desk.named("check")] == ["123457", CODE]  # type: ignore[attr-defined]


async def test_a_guess_that_came_too_early_is_made_again(
    desk: FakeDesk, claimant: Claimant, timeline: Timeline
) -> None:
    desk.code_result = pb.CODE_RESULT_TOO_EARLY
    result = await play(CLAIM, claimant, timeline)
    assert result.bound
    assert result.ended == NOW + 30


async def test_a_lost_message_is_asked_for_again(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    desk.inbox = False
    result = await play(replace(CLAIM, loses_message=True), claimant, timeline)
    assert result.bound
    assert result.ended == NOW + TICK
    assert len(desk.named("resend")) == 1
    assert len(desk.named("update")) == 2


async def test_who_gets_no_message_at_all_ends_where_the_code_was_sent(
    desk: FakeDesk, claimant: Claimant, timeline: Timeline
) -> None:
    desk.inbox = False
    desk.refusals["resend"] = "SENDS_EXHAUSTED"
    result = await play(CLAIM, claimant, timeline)
    assert (result.first, result.bound, result.codes()) == ("REFUSED", False, ("SENDS_EXHAUSTED",))


async def test_who_asks_twice_enters_the_second_code(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    assert (await play(replace(CLAIM, resends=True), claimant, timeline)).bound
    assert len(desk.named("resend")) == 1


async def test_codes_are_overheard_past_the_inbox(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    assert (await play(replace(CLAIM, reads=(), overhears=(asr.METHOD_SMS,)), claimant, timeline)).bound
    assert not desk.named("messages")


async def test_a_code_by_a_method_that_one_has_no_ear_for_stays_unread(
    desk: FakeDesk, claimant: Claimant, timeline: Timeline
) -> None:
    result = await play(replace(CLAIM, reads=(asr.METHOD_VOICE,)), claimant, timeline)
    assert (result.final, result.bound) == ("CODE_SENT", False)


async def test_who_has_no_code_stops_there(claimant: Claimant, timeline: Timeline) -> None:
    result = await play(replace(CLAIM, reads=()), claimant, timeline)
    assert (result.final, result.challenged) == ("CODE_SENT", True)


@pytest.mark.parametrize("how", ["failed", "refused"])
async def test_a_method_the_operator_lacks_is_replaced_by_sms(
    how: str, desk: FakeDesk, claimant: Claimant, timeline: Timeline
) -> None:
    if how == "failed":
        desk.failure = "METHOD_NOT_SUPPORTED"
    else:
        desk.refusals["start"], desk.refuse_after["start"] = "METHOD_NOT_OFFERED", -1
    result = await play(replace(CLAIM, method=asr.METHOD_NETWORK), claimant, timeline)
    assert len(desk.named("start")) == 2
    assert result.bound is (how == "failed")


async def test_a_page_is_opened_from_the_claimants_sim(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    desk.opens = pb.VERIFICATION_STATE_NETWORK_PENDING
    claim = replace(CLAIM, method=asr.METHOD_NETWORK, page_from=CLAIM.number)
    result = await play(claim, claimant, timeline)
    assert (result.bound, result.network) == (True, True)
    assert desk.named("open_page") == [CLAIM.number]


@pytest.mark.parametrize("page_from", ["", "+79161230000"])
async def test_without_a_match_a_code_is_sent(
    page_from: str, desk: FakeDesk, claimant: Claimant, timeline: Timeline
) -> None:
    desk.opens, desk.page_matches = pb.VERIFICATION_STATE_NETWORK_PENDING, False
    result = await play(replace(CLAIM, method=asr.METHOD_NETWORK, page_from=page_from), claimant, timeline)
    assert (result.bound, result.network) == (True, False)
    assert len(desk.named("resend")) == 1


def option(kind: int, method: int = 0, after: int = 0) -> pb.StepUpOption:
    made = pb.StepUpOption(kind=kind, method=method)  # type: ignore[arg-type]
    made.available_time.seconds = NOW + after
    return made


def way(kind: int, after: int = 0) -> pb.ContestWay:
    made = pb.ContestWay(kind=kind)  # type: ignore[arg-type]
    made.available_time.seconds = NOW + after
    return made


async def test_a_step_up_is_answered_by_the_network_first(
    desk: FakeDesk, claimant: Claimant, timeline: Timeline
) -> None:
    desk.first = pb.VERIFICATION_STATE_STEP_UP_REQUIRED
    desk.step_ups = [option(pb.STEP_UP_KIND_WAIT, after=HOUR), option(pb.STEP_UP_KIND_NETWORK, asr.METHOD_NETWORK)]
    result = await play(replace(CLAIM, page_from=CLAIM.number, waits=True), claimant, timeline)
    assert (result.first, result.final, result.network) == ("STEP_UP_REQUIRED", "VERIFIED", True)
    assert result.ended == NOW


async def test_each_way_is_taken_once(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    desk.first = desk.later = pb.VERIFICATION_STATE_STEP_UP_REQUIRED
    desk.step_ups = [
        option(pb.STEP_UP_KIND_METHOD, asr.METHOD_VOICE),
        option(pb.STEP_UP_KIND_WAIT, after=2 * HOUR),
    ]
    result = await play(replace(CLAIM, waits=True), claimant, timeline)
    assert (result.first, result.final, result.ended) == ("STEP_UP_REQUIRED", "STEP_UP_REQUIRED", NOW + 2 * HOUR)
    assert len(desk.named("go_on")) == 2


async def test_a_way_that_is_refused_leaves_the_others(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    desk.first = pb.VERIFICATION_STATE_STEP_UP_REQUIRED
    desk.step_ups = [option(pb.STEP_UP_KIND_METHOD, asr.METHOD_VOICE)]
    desk.refusals["go_on"] = "WAY_NOT_LISTED"
    result = await play(CLAIM, claimant, timeline)
    assert (result.final, result.reason) == ("STEP_UP_REQUIRED", "WAY_NOT_LISTED")


ALL_WAYS = [
    way(pb.CONTEST_WAY_KIND_OLD_ACCOUNT_KEY),
    way(pb.CONTEST_WAY_KIND_REGISTRATION_LOCK),
    way(pb.CONTEST_WAY_KIND_NEW_SUBSCRIBER),
    way(pb.CONTEST_WAY_KIND_WAIT, after=3 * HOUR),
]


@pytest.mark.parametrize(
    ("means", "taken"),
    [
        ({"old_key": DeviceKey()}, "old_account_key"),
        ({"lock": True}, "registration_lock"),
        ({"new_subscriber": True}, "new_subscriber"),
        ({"waits": True}, "wait"),
    ],
)
async def test_a_contest_is_left_by_the_way_the_claimant_has(
    means: dict[str, object], taken: str, desk: FakeDesk, claimant: Claimant, timeline: Timeline
) -> None:
    desk.first, desk.ways = pb.VERIFICATION_STATE_CONTESTED, ALL_WAYS
    result = await play(replace(CLAIM, **means), claimant, timeline)  # type: ignore[arg-type]
    (asked,) = desk.named("go_on")
    assert isinstance(asked, pb.ContinueVerificationRequest)
    assert asked.WhichOneof("way") == taken
    assert (result.first, result.final, result.contested_binding) == ("CONTESTED", "VERIFIED", "held")
    assert result.ended == NOW + (3 * HOUR if taken == "wait" else 0)


async def test_an_objection_ends_the_waiting(desk: FakeDesk, claimant: Claimant, timeline: Timeline) -> None:
    desk.first, desk.ways = pb.VERIFICATION_STATE_CONTESTED, [way(pb.CONTEST_WAY_KIND_WAIT, after=168 * HOUR)]
    result = await play(replace(CLAIM, waits=True, objected=True), claimant, timeline)
    assert (result.first, result.final, result.bound) == ("CONTESTED", "CANCELED", False)
    assert desk.named("cancel") == ["f" * 32]


async def test_the_gravest_finding_is_named_first_and_notes_are_not(claimant: Claimant) -> None:
    result = Result(began=NOW, reason="A_REASON")
    assert result.codes() == ("A_REASON",)
    for code, severity in (
        ("NOTED", asr.SEVERITY_NOTE),
        ("CAPS", asr.SEVERITY_CAUTION),
        ("HOLDS", asr.SEVERITY_SEVERE),
    ):
        result.verification.findings.add(code=code, severity=severity)
    assert result.codes() == ("HOLDS", "CAPS")
