"""The published order of `CheckPresentation`, each place of it against a store in memory."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.attestation_issuer import DAY, NOW, ORIGIN, Issuer, raw_disclosure, sample_claims, sample_disclosed
from fakes.clock import FakeClock
from fakes.desk import Desk as UseCases
from fakes.desk import Ground, code_of
from fakes.holder import AUDIENCE, NONCE, Holder
from fakes.log_store import FakeLogStore, record_of
from fakes.store_rows import binding as binding_of
from numseal.attestation import sd_jwt
from numseal.attestation.claims import Claims
from numseal.attestation.presentation import MAX_BYTES, presentation
from numseal.domain.binding import Binding, BindingRow, BindingState, Check, CheckResult, Monitoring, Stream
from numseal.domain.errors import Kind, Refusal
from numseal.domain.log import AttestationRecord
from numseal.domain.verdict import Level, Severity
from numseal.ports.store import AccountRows
from numseal.usecases.check_presentation import LEEWAY, CheckPresentation
from numseal.usecases.revoke_binding import RevokeBinding

ISSUER = Issuer.make()
HOLDER = Holder.make()
PARTY, ACCOUNT = "messenger-1", "account-1"


class Records(FakeLogStore):
    """Attestations and bindings, and nothing else."""

    def __init__(self) -> None:
        super().__init__([], ISSUER.log_key, ORIGIN)
        self.bindings: dict[str, Binding] = {}
        self.held_by_other = False
        self.reads = 0

    async def attestation(self, jti: str) -> AttestationRecord | None:
        self.reads += 1
        return await super().attestation(jti)

    async def account_rows(self, relying_party: str, account_id: str, phone_number: str) -> AccountRows:
        owned = [
            item
            for item in self.bindings.values()
            if (item.relying_party, item.account_id) == (relying_party, account_id)
        ]
        return AccountRows(tuple(row_of(item, phone_number) for item in owned), self.held_by_other)

    def issue(self, claims: Claims, **binding: Any) -> str:
        """Keep an attestation of a binding, and return it with every disclosure."""
        text = ISSUER.attestation(claims=claims)
        kept = record_of(
            claims.jti,
            0,
            binding_id=claims.jti,
            relying_party=binding.get("relying_party", PARTY),
            signing_input=sd_jwt.split(text).jws.signing_input,
            phone_number=sample_disclosed().phone_number,
        )
        values: dict[str, Any] = {
            "relying_party": PARTY,
            "account_id": ACCOUNT,
            "phone_number": sample_disclosed().phone_number,
            "binding_id": claims.jti,
            "jti": claims.jti,
            "level": Level.SUBSTANTIAL,
            "verified_time": NOW,
            "observed_time": NOW,
            "expire_time": claims.expires_at,
        }
        self.records[claims.jti] = kept
        self.bindings[claims.jti] = replace(binding_of(), **(values | binding))
        return text


def row_of(binding: Binding, phone_number: str) -> BindingRow:
    return BindingRow(
        binding.binding_id,
        binding.phone_number == phone_number,
        binding.state,
        binding.level,
        binding.verified_time,
        binding.observed_time,
        binding.expire_time,
        binding.contested_time,
        binding.reverify_by,
        binding.operator_id if binding.monitoring is Monitoring.WATCHED else "",
    )


class Desk:
    """The use case with its records and its clock; `shown` is a genuine presentation that discloses nothing."""

    def __init__(self) -> None:
        self.records = Records()
        self.clock = FakeClock(NOW + 5)
        self.check = CheckPresentation(keys=ISSUER.public_keys(), store=self.records, clock=self.clock)
        self.bare = presentation(self.records.issue(HOLDER.claims()), ())
        self.shown = HOLDER.present(self.bare)

    async def ask(self, text: str, party: str = PARTY, account: str = ACCOUNT, **asked: Any) -> Check:
        values: dict[str, Any] = {"nonce": NONCE, "audience": AUDIENCE} | asked
        return await self.check(party, account_id=account, presentation=text, **values)

    def change(self, **changes: Any) -> None:
        """Let the binding change."""
        jti = HOLDER.claims().jti
        self.records.bindings[jti] = replace(self.records.bindings[jti], **changes)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def codes(check: Check) -> list[str]:
    return [finding.code for finding in check.findings]


def is_spoofed(check: Check, code: str) -> bool:
    """Say whether the answer is that and tells nothing besides."""
    [finding] = check.findings
    told = (check.result, check.level, check.binding, finding.severity, finding.evidence)
    return told == (CheckResult.SPOOFED, Level.NONE, None, Severity.SEVERE, ()) and finding.code == code


async def test_a_genuine_presentation_that_discloses_nothing(desk: Desk) -> None:
    check = await desk.ask(desk.shown)
    assert (check.result, check.level, check.findings) == (CheckResult.GENUINE, Level.SUBSTANTIAL, ())
    assert check.binding is not None
    assert (check.binding.binding_id, check.binding.observed_time) == (HOLDER.claims().jti, NOW)


async def test_what_is_disclosed_changes_nothing(desk: Desk) -> None:
    text = desk.records.issue(HOLDER.claims())
    for names in (("phone_number",), ("account_id", "relying_party"), ("method", "policy")):
        assert (await desk.ask(HOLDER.present(presentation(text, names)))).result is CheckResult.GENUINE


async def test_an_attestation_bound_to_no_key_needs_no_nonce_and_is_noted(desk: Desk) -> None:
    text = desk.records.issue(sample_claims(jti="ab" * 16, confirmation_jwk=None))
    for demand in ({}, {"nonce": "", "audience": ""}):
        check = await desk.ask(text, **demand)
        assert (check.result, codes(check)) == (CheckResult.GENUINE, ["NOT_KEY_BOUND"])
    assert is_spoofed(await desk.ask(HOLDER.present(text)), "KEY_BINDING_WRONG")


def altered(desk: Desk) -> list[str]:
    jws, *_ = desk.bare.split("~")
    header, payload, signature = jws.split(".")
    other = ISSUER.attestation(claims=HOLDER.claims(jti="cd" * 16)).split(".")[1]
    return [
        "no presentation",
        "~",
        f"{header}.{other}.{signature}~",
        f"{header}.{payload}.{'A' * 86}~",
        desk.bare + raw_disclosure(["salt", "phone_number", "+79160000000"]) + "~",
        ISSUER.attestation(header={"alg": "none"}),
        ISSUER.attestation(header={"typ": "JWT"}),
        ISSUER.attestation(payload={"exp": "never"}),
        "é" * 100,
        "\x00~",
    ]


async def test_an_altered_presentation_is_told_before_anything_is_looked_up(desk: Desk) -> None:
    for text in altered(desk):
        assert is_spoofed(await desk.ask(text, "another", "another"), "PRESENTATION_ALTERED"), text
    assert desk.records.reads == 0


@pytest.mark.parametrize(
    "text",
    [
        Issuer.make().attestation(),
        ISSUER.attestation(claims=sample_claims(issuer="https://evil.test")),
        ISSUER.attestation(claims=sample_claims(log_origin="other")),
        ISSUER.attestation(claims=sample_claims(vct="https://other.test")),
    ],
)
async def test_another_issuer_is_told(desk: Desk, text: str) -> None:
    assert is_spoofed(await desk.ask(text), "ISSUER_UNKNOWN")
    assert desk.records.reads == 0


async def test_an_attestation_that_the_records_do_not_hold(desk: Desk) -> None:
    stranger = ISSUER.attestation(claims=HOLDER.claims(jti="cd" * 16))
    assert is_spoofed(await desk.ask(HOLDER.present(stranger)), "PRESENTATION_UNKNOWN")
    # Signed with the issuer's key under a `jti` that is known, as by a thief of that key.
    forged = ISSUER.attestation(claims=HOLDER.claims(assurance_level="HIGH"))
    assert is_spoofed(await desk.ask(HOLDER.present(forged)), "PRESENTATION_UNKNOWN")


@pytest.mark.parametrize("state", list(BindingState))
async def test_of_another_relying_party_s_nothing_is_revealed(desk: Desk, state: BindingState) -> None:
    desk.change(state=state)
    answers = [
        await desk.ask(text, "messenger-2", account, **demand)
        for text in (desk.shown, desk.bare, HOLDER.present(desk.bare, payload={"nonce": "other"}))
        for account in (ACCOUNT, "another")
        for demand in ({}, {"nonce": "", "audience": ""})
    ]
    assert len(set(answers)) == 1
    assert is_spoofed(answers[0], "PRESENTATION_FOR_ANOTHER_RELYING_PARTY")


@pytest.mark.parametrize("state", list(BindingState))
async def test_another_account_s_is_told_before_its_key_and_its_state(desk: Desk, state: BindingState) -> None:
    desk.change(state=state)
    for text in (desk.shown, desk.bare):
        assert is_spoofed(await desk.ask(text, account="account-2"), "PRESENTATION_OF_ANOTHER_ACCOUNT")


@pytest.mark.parametrize("state", [BindingState.ACTIVE, BindingState.REVOKED])
async def test_without_the_key_it_is_bound_to(desk: Desk, state: BindingState) -> None:
    desk.change(state=state)
    assert is_spoofed(await desk.ask(desk.bare), "KEY_BINDING_MISSING")
    wrong: list[tuple[str, dict[str, Any]]] = [
        (Holder.make().present(desk.bare), {}),
        (desk.shown, {"nonce": "another"}),
        (desk.shown, {"audience": "another"}),
        (HOLDER.present(desk.bare, payload={"iat": NOW - 300}), {}),
        (HOLDER.present(desk.bare, payload={"iat": NOW + 100}), {}),
        (HOLDER.present(desk.bare, header={"typ": "JWT"}), {}),
        (desk.bare + "a.b.c", {}),
    ]
    for text, asked in wrong:
        assert is_spoofed(await desk.ask(text, **asked), "KEY_BINDING_WRONG")


@pytest.mark.parametrize(
    ("state", "result"),
    [
        (BindingState.SUSPENDED, CheckResult.SUSPENDED),
        (BindingState.REVOKED, CheckResult.REVOKED),
        (BindingState.SUPERSEDED, CheckResult.SUPERSEDED),
        (BindingState.EXPIRED, CheckResult.STALE),
    ],
)
async def test_what_became_of_the_binding(desk: Desk, state: BindingState, result: CheckResult) -> None:
    desk.change(state=state)
    check = await desk.ask(desk.shown)
    assert (check.result, check.level) == (result, Level.NONE)
    assert check.binding is not None
    # The attestation's own time outranks none of these.
    desk.clock.step(NOW + 31 * DAY)
    late = await desk.ask(HOLDER.present(desk.bare, payload={"iat": NOW + 31 * DAY}))
    assert late.result is result
    assert codes(late)[0] == "PRESENTATION_EXPIRED"


async def test_an_expired_binding_whose_number_another_account_holds_is_superseded(desk: Desk) -> None:
    desk.change(state=BindingState.EXPIRED)
    desk.records.held_by_other = True
    assert (await desk.ask(desk.shown)).result is CheckResult.SUPERSEDED


async def test_only_the_binding_that_it_attests_counts(desk: Desk) -> None:
    desk.change(state=BindingState.SUPERSEDED)
    later = HOLDER.present(desk.records.issue(HOLDER.claims(jti="ab" * 16)))
    assert (await desk.ask(desk.shown)).result is CheckResult.SUPERSEDED
    assert (await desk.ask(later)).result is CheckResult.GENUINE


async def test_the_level_now_counts_and_not_the_attested_one(desk: Desk) -> None:
    desk.change(level=Level.LOW)
    assert (await desk.ask(desk.shown, min_level=Level.LOW)).result is CheckResult.GENUINE
    check = await desk.ask(desk.shown, min_level=Level.SUBSTANTIAL)
    assert (check.result, check.level) == (CheckResult.UNVERIFIED, Level.LOW)


async def test_an_observation_that_is_too_old(desk: Desk) -> None:
    assert (await desk.ask(desk.shown, max_age=5)).result is CheckResult.GENUINE
    assert (await desk.ask(desk.shown, max_age=4)).result is CheckResult.STALE


@pytest.mark.parametrize("min_level", [Level.NONE, Level.HIGH])
async def test_an_expired_attestation_is_stale_though_its_binding_goes_on(desk: Desk, min_level: Level) -> None:
    last = NOW + 30 * DAY - 1
    desk.change(expire_time=NOW + 60 * DAY)
    for now, stale in ((last, False), (last + 1, True)):
        desk.clock.step(now)
        check = await desk.ask(HOLDER.present(desk.bare, payload={"iat": now}), min_level=min_level)
        assert ("PRESENTATION_EXPIRED" in codes(check)) is stale
        assert (check.result is CheckResult.STALE) is stale


@pytest.mark.parametrize("claim", ["not_before", "issued_at"])
async def test_an_attestation_that_has_not_begun_is_stale(desk: Desk, claim: str) -> None:
    begin = NOW + DAY
    claims = HOLDER.claims(jti="ab" * 16, **{claim: begin})
    bare = presentation(desk.records.issue(claims), ())
    for now, stale in ((begin - LEEWAY - 1, True), (begin - LEEWAY, False)):
        desk.clock.step(now)
        check = await desk.ask(HOLDER.present(bare, payload={"iat": now}))
        assert codes(check) == (["PRESENTATION_NOT_YET_VALID"] if stale else [])
        assert check.result is (CheckResult.STALE if stale else CheckResult.GENUINE)


async def test_a_watched_number_is_observed_while_its_stream_lives(desk: Desk) -> None:
    desk.change(monitoring=Monitoring.WATCHED)
    streams: dict[str, Stream] = {}
    check = CheckPresentation(keys=ISSUER.public_keys(), store=desk.records, clock=desk.clock, streams=streams)
    asked: dict[str, Any] = {"account_id": ACCOUNT, "presentation": desk.shown, "nonce": NONCE, "audience": AUDIENCE}
    desk.clock.step(NOW + 200)
    silent = await check(PARTY, max_age=30, **asked)
    assert (silent.result, codes(silent)[0]) == (CheckResult.STALE, "MONITORING_INTERRUPTED")
    streams["mts"] = Stream(since=NOW - 1, heard=NOW + 190)
    assert (await check(PARTY, max_age=30, **asked)).result is CheckResult.GENUINE


@pytest.mark.parametrize(
    ("asked", "field", "reason"),
    [
        ({"text": ""}, "presentation", "PRESENTATION_REQUIRED"),
        ({"text": "a" * (MAX_BYTES + 1)}, "presentation", "PRESENTATION_TOO_LARGE"),
        ({"text": "é" * (MAX_BYTES // 2 + 1)}, "presentation", "PRESENTATION_TOO_LARGE"),
        ({"account": ""}, "account_id", "ACCOUNT_ID_REQUIRED"),
        ({"account": "x" * 256}, "account_id", "ACCOUNT_ID_TOO_LONG"),
        ({"nonce": "x" * 256}, "nonce", "NONCE_TOO_LONG"),
        ({"audience": "ж" * 128}, "audience", "AUDIENCE_TOO_LONG"),
        ({"nonce": ""}, "nonce", "NONCE_REQUIRED"),
        ({"audience": ""}, "audience", "AUDIENCE_REQUIRED"),
    ],
)
async def test_a_field_that_is_missing_or_too_long_is_refused(
    desk: Desk, asked: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(Refusal) as caught:
        await desk.ask(**({"text": desk.shown} | asked))
    reasoning = caught.value.reasoning
    assert (reasoning.kind, reasoning.field, reasoning.reason) == (Kind.INVALID_ARGUMENT, field, reason)


async def test_an_attestation_as_the_store_keeps_it(ground: Ground) -> None:
    """Over the real store: what was issued is recognised, and follows its binding."""
    desk = UseCases(ground)
    opened = await desk.start()
    _, _, bundle = await desk.check(opened, code_of(ground.mts.orders[0].text))
    assert bundle is not None
    check = CheckPresentation(keys=ground.keys, store=ground.store, clock=ground.clock)
    for account, result in (("alice", CheckResult.GENUINE), ("bob", CheckResult.SPOOFED)):
        answer = await check("messenger", account_id=account, presentation=presentation(bundle.sd_jwt, ()))
        assert answer.result is result
    verified, _ = await desk.get(opened)
    await RevokeBinding(store=ground.store)("messenger", verified.binding_id, "FRAUD")
    assert (await check("messenger", account_id="alice", presentation=bundle.sd_jwt)).result is CheckResult.REVOKED


async def test_hostile_text_is_not_repeated_at_length(desk: Desk) -> None:
    hostile = "\x1b[2J" + "x" * 2000
    answer = await desk.ask(ISSUER.attestation(payload={hostile: 1}))
    assert is_spoofed(answer, "PRESENTATION_ALTERED")
    sentence = answer.findings[0].sentence
    assert sentence.isprintable()
    assert len(sentence) <= 400


async def test_the_longest_presentation_is_an_answer(desk: Desk) -> None:
    assert is_spoofed(await desk.ask("a" * MAX_BYTES), "PRESENTATION_ALTERED")
