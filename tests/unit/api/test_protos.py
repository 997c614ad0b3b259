"""Hold the wire contract to its promises: who may call, what must be sent, and the names themselves."""

import importlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool

PROTOS = Path(__file__).parents[3] / "protos"
FILES = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))

RPCS = {
    "numseal.api.verification.v1.VerificationService": """
        StartVerification ResendCode CheckCode CheckNetworkProof ContinueVerification GetVerification
        CancelVerification ReportOutcome""",
    "numseal.api.verification.v1.BindingService": """
        GetBinding ListBindings CheckNumber BatchCheckNumbers RefreshBinding RevokeBinding WatchBindings""",
    "numseal.api.operator.v1.OperatorBackend": """
        GetCapabilities LookUpSubscriber SendCode CheckCode StartNetworkCheck FinishNetworkCheck
        WatchSubscriber UnwatchSubscriber StreamEvents""",
    "numseal.api.transparency.v1.TransparencyService": """
        GetKeys GetCheckpoint GetInclusionProof GetConsistencyProof ListEntries GetStatusList
        VerifyAttestation""",
    "numseal.api.admin.v1.AdminService": """
        CreateRelyingParty GetRelyingParty ListRelyingParties UpdateRelyingParty CreateCredential
        RevokeCredential CreateOperator GetOperator ListOperators UpdateOperator CreateAgreement GetAgreement
        ListAgreements UpdateAgreement AcceptAgreement ProposeSuspension ConfirmSuspension ResumeAgreement
        EndAgreement ListKeys RotateKey MarkKeyCompromised PublishKeyManifest ListPolicies ReloadPolicies
        GetEvidence EraseSubject GetErasure ListAuditEvents""",
    "numseal.api.simulator.v1.SimulatorService": """
        ListOperators GetInbox GetSubscriber UpdateSubscriber UpdateOperator EmitEvent OpenAuthUrl
        AdvanceClock""",
}
STREAMS = {"WatchBindings", "StreamEvents"}

ENUMS = {
    "numseal.api.verification.v1.VerificationState": """
        PENDING CODE_SENT NETWORK_PENDING ASSESSING VERIFIED STEP_UP_REQUIRED CONTESTED REJECTED FAILED
        EXPIRED CANCELED""",
    "numseal.api.verification.v1.Purpose": "SIGN_UP RE_REGISTER CHANGE_NUMBER ENROLL_EXISTING REVERIFY",
    "numseal.api.verification.v1.NumberCheckResult": """
        GENUINE SPOOFED UNVERIFIED STALE SUSPENDED REVOKED SUPERSEDED""",
    "numseal.api.verification.v1.Outcome": "FRAUD SPAM GENUINE",
    "numseal.api.verification.v1.AssuranceLevel": "NONE LOW SUBSTANTIAL HIGH",
    "numseal.api.verification.v1.Verdict": "ACCEPT STEP_UP REJECT",
    "numseal.api.operator.v1.SignalState": "OK UNKNOWN NOT_SUPPORTED NO_COVERAGE STALE ERROR",
    "numseal.api.operator.v1.LookupPhase": "BEFORE AFTER RECHECK",
    "numseal.api.operator.v1.ReferenceBasis": "DIRECT HOME_ROUTED",
    "numseal.api.operator.v1.SimChangeKind": "NEW REPLACED ESIM MULTISIM PORT_IN UNKNOWN",
    "numseal.api.operator.v1.SendOutcome": "ACCEPTED NOT_OURS BARRED LINE_TYPE CONTENT THROTTLED",
    "numseal.api.operator.v1.CheckOutcome": "MATCH MISMATCH EXPIRED EXHAUSTED USED UNKNOWN",
}

SIGNALS = """
    subscriber_ref sim_ref device_ref line_type contract_type identity_on_file activate_time sim_change port
    recycled forwarding sms_service voice_service data_service reachability last_seen serving sims_on_device
"""

FIELD = re.compile(r"^(?:repeated |optional )?[\w.]+ (\w+) = \d+;$")
BLOCK = re.compile(r"^(message|enum|service|oneof) (\w+) \{(\})?$")
RPC = re.compile(r"^rpc (\w+)\(")


@dataclass(frozen=True, slots=True)
class Member:
    """One field, oneof or RPC as the .proto text has it."""

    kind: str
    owner: str
    name: str
    comment: str


def members(text: str) -> Iterator[Member]:
    """Yield what stands in a file's messages and services, each with the comment right above it."""
    owners: list[tuple[str, str]] = []
    comment: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("//"):
            comment.append(line.removeprefix("//").strip())
            continue
        said, comment = " ".join(filter(None, comment)), []
        if block := BLOCK.match(line):
            if block[1] == "oneof":
                yield Member("oneof", owners[-1][1], block[2], said)
            if not block[3]:
                # A oneof's fields are the message's own.
                owners.append((block[1], owners[-1][1]) if block[1] == "oneof" else (block[1], block[2]))
        elif line == "}":
            owners.pop()
        elif rpc := RPC.match(line):
            yield Member("rpc", owners[-1][1], rpc[1], said)
        elif owners and owners[-1][0] != "enum" and (field := FIELD.match(line)):
            yield Member("field", owners[-1][1], field[1], said)


ALL = [member for file in FILES for member in members((PROTOS / file).read_text(encoding="utf-8"))]


def module_of(file: str) -> str:
    return file.removesuffix(".proto").replace("/", ".") + "_pb2"


@pytest.fixture(autouse=True, scope="module")
def generated() -> None:
    for file in FILES:
        importlib.import_module(module_of(file))


def test_reader_sees_every_field_and_rpc_of_the_generated_code() -> None:
    pool = descriptor_pool.Default()
    fields = set()
    rpcs = set()
    for file in FILES:
        described = pool.FindFileByName(file)
        for message in described.message_types_by_name.values():
            assert not message.nested_types, message.full_name
            fields |= {(message.name, field.name) for field in message.fields}
        for service in described.services_by_name.values():
            rpcs |= {(service.name, method.name) for method in service.methods}
    assert {(m.owner, m.name) for m in ALL if m.kind == "field"} == fields
    assert {(m.owner, m.name) for m in ALL if m.kind == "rpc"} == rpcs


def unlike(pattern: str, chosen: Iterable[Member]) -> list[str]:
    """Name the members whose comment the pattern does not match."""
    return [f"{m.owner}.{m.name}: {m.comment}" for m in chosen if not re.search(pattern, m.comment)]


def test_rpc_comment_ends_with_who_may_call() -> None:
    assert unlike(r"\. Callable by: [^.]+\.$", [m for m in ALL if m.kind == "rpc"]) == []


def test_request_field_says_required_or_optional() -> None:
    requests = [m for m in ALL if m.kind != "rpc" and m.owner.endswith("Request")]
    assert unlike(r"^(Required|Optional)\. \S", requests) == []


def test_response_field_says_output_or_what_the_operator_fills() -> None:
    fields = [m for m in ALL if m.kind != "rpc"]
    assert unlike(r"^(Required|Optional|Output)\. \S.*\.$", fields) == []


@pytest.mark.parametrize("service", RPCS)
def test_service_has_exactly_the_named_rpcs(service: str) -> None:
    described = descriptor_pool.Default().FindServiceByName(service)
    assert sorted(method.name for method in described.methods) == sorted(RPCS[service].split())
    for method in described.methods:
        assert method.input_type.name == f"{method.name}Request"
        assert method.output_type.name == f"{method.name}Response"
        assert not method.client_streaming
        assert method.server_streaming == (method.name in STREAMS)


def test_no_service_is_left_out() -> None:
    pool = descriptor_pool.Default()
    found = {s.full_name for file in FILES for s in pool.FindFileByName(file).services_by_name.values()}
    assert found == set(RPCS)


@pytest.mark.parametrize("enum", ENUMS)
def test_enum_has_exactly_the_named_values(enum: str) -> None:
    described = descriptor_pool.Default().FindEnumTypeByName(enum)
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", described.name).upper()
    assert [value.name for value in described.values] == [
        f"{prefix}_{name}" for name in ["UNSPECIFIED", *ENUMS[enum].split()]
    ]


def test_every_signal_has_meta_and_a_kind() -> None:
    pool = descriptor_pool.Default()
    subscriber = pool.FindMessageTypeByName("numseal.api.operator.v1.Subscriber")
    assert [field.name for field in subscriber.fields] == SIGNALS.split()
    for field in subscriber.fields:
        signal = field.message_type
        assert signal is not None
        assert signal.fields[0].name == "meta"
    kinds = pool.FindEnumTypeByName("numseal.api.operator.v1.SignalKind")
    assert [value.name for value in kinds.values][1:] == [f"SIGNAL_KIND_{name.upper()}" for name in SIGNALS.split()]


def test_operator_never_learns_the_account() -> None:
    pool = descriptor_pool.Default()
    for file in (file for file in FILES if "/operator/" in file):
        for message in pool.FindFileByName(file).message_types_by_name.values():
            assert not [field.name for field in message.fields if "account" in field.name]
