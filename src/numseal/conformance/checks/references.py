"""Checks of references: keyed hashes that stay the same, say under which key, and hide what they are made of."""

from collections.abc import Iterator

from numseal.api.operator.v1 import subscriber_pb2
from numseal.conformance.check import check
from numseal.conformance.clause import subscriber
from numseal.conformance.kit import Kit
from numseal.conformance.results import CannotCheck, DoesNotApply, expect_all
from numseal.conformance.signals import KINDS, OK
from numseal.conformance.words import word

FEWEST, MOST = 16, 64
MAX_EPOCH = 64
TAC_DIGITS = 8
_KINDS = (
    subscriber_pb2.SIGNAL_KIND_SUBSCRIBER_REF,
    subscriber_pb2.SIGNAL_KIND_SIM_REF,
    subscriber_pb2.SIGNAL_KIND_DEVICE_REF,
    subscriber_pb2.SIGNAL_KIND_SERVING,
)
References = list[tuple[str, bytes, str]]


async def _subscriber(kit: Kit, number: str) -> subscriber_pb2.Subscriber:
    offered = list(dict.fromkeys(offer.signal for offer in kit.told.signals if offer.signal in _KINDS))
    if not offered:
        raise DoesNotApply("GetCapabilities announces no signal with a reference")
    return (await kit.look_up(number, offered)).subscriber


def _references(told: subscriber_pb2.Subscriber) -> Iterator[tuple[str, bytes, str]]:
    """Yield name, reference and key epoch of each that is OK."""
    for name in ("subscriber_ref", "sim_ref", "device_ref"):
        signal = getattr(told, name)
        if signal.meta.state == OK and signal.HasField("value"):
            yield name, signal.value.reference, signal.value.key_epoch
    for node in told.serving.values:
        if node.node_ref:
            yield f"serving.{word(subscriber_pb2.ServingDomain, node.domain)}", node.node_ref, node.key_epoch


@check(
    "references.size",
    "References have 16 to 64 bytes",
    subscriber("Reference.reference", "Keyed hash, 16 to 64 bytes."),
)
async def size(kit: Kit) -> str:
    """Look at the references' sizes."""
    found = list(_references(await _subscriber(kit, kit.own())))
    expect_all(
        [
            f"{name} has {len(reference)} bytes, {FEWEST} to {MOST} are expected"
            for name, reference, _ in found
            if not FEWEST <= len(reference) <= MOST
        ]
    )
    return f"{len(found)} references"


@check(
    "references.key_epoch",
    "References name the key they were hashed under",
    subscriber("Reference.key_epoch", "Name of the hash key, 1 to 64 characters"),
)
async def key_epoch(kit: Kit) -> str:
    """Look at key_epoch."""
    expect_all(
        [
            f"key_epoch of {name} has {len(epoch)} characters, 1 to {MAX_EPOCH} are expected"
            for name, _, epoch in _references(await _subscriber(kit, kit.own()))
            if not 1 <= len(epoch) <= MAX_EPOCH
        ]
    )
    return ""


@check(
    "references.stable",
    "References are the same in every lookup",
    subscriber("ReferenceBasis.REFERENCE_BASIS_DIRECT", "stable, may be compared."),
)
async def stable(kit: Kit) -> str:
    """Look a number up three times; references that came through a router are not compared."""
    number = kit.own()
    lookups = [await _subscriber(kit, number) for _ in range(3)]
    compared = [dict(_comparable(told)) for told in lookups]
    expect_all(
        [
            f"{name} differs between two lookups under the key {epoch!r}"
            for later in compared[1:]
            for (name, epoch), reference in compared[0].items()
            if later.get((name, epoch), reference) != reference
        ]
        + [
            f"{name} is hashed under another key ({epoch!r}) in every lookup"
            for (name, epoch) in compared[0]
            if all((name, epoch) not in later and any(other == name for other, _ in later) for later in compared[1:])
        ]
    )
    return f"{len(compared[0])} compared"


def _comparable(told: subscriber_pb2.Subscriber) -> Iterator[tuple[tuple[str, str], bytes]]:
    routed = told.sim_ref.value.basis != subscriber_pb2.REFERENCE_BASIS_DIRECT
    for name, reference, epoch in _references(told):
        if not name.startswith("serving") and not (name == "sim_ref" and routed):
            yield (name, epoch), reference


@check(
    "references.basis",
    "The basis of SIM and serving node is stated, as announced",
    subscriber("SimRef.basis", "Whether the IMSI itself was hashed."),
)
async def basis(kit: Kit) -> str:
    """Look at the basis of sim_ref and of serving nodes."""
    told = await _subscriber(kit, kit.own())
    announced = {KINDS.get(offer.signal): offer.basis for offer in kit.told.signals}
    found = [("serving", node.basis) for node in told.serving.values]
    if told.sim_ref.meta.state == OK and told.sim_ref.HasField("value"):
        found.append(("sim_ref", told.sim_ref.value.basis))
    if not found:
        raise DoesNotApply("neither a SIM's reference nor a serving node is told")
    name = subscriber_pb2.ReferenceBasis.Name
    known = subscriber_pb2.ReferenceBasis.values()
    problems = [f"the basis of {what} is not stated" for what, said in found if said == 0 or said not in known]
    problems += [
        f"the basis of {what} is {name(said)}, GetCapabilities announces {name(announced[what])}"
        for what, said in found
        if said in known and said and announced.get(what) and said != announced[what]
    ]
    expect_all(problems)
    return ""


@check(
    "references.hidden",
    "References are hashes: no IMSI or IMEI is in them, and two numbers differ",
    subscriber("SimRef.reference", "Keyed hash of the IMSI, 16 to 64 bytes."),
)
async def hidden(kit: Kit) -> str:
    """Look for digits in references, at the TAC, and compare two numbers."""
    problems = []
    seen: dict[tuple[str, str, bytes], str] = {}
    for number in kit.profile.own or (kit.own(),):
        told = await _subscriber(kit, number)
        for name, reference, epoch in _references(told):
            if reference.isdigit() or reference.removesuffix(b"\0").isdigit():
                problems.append(f"{name} of {number} consists of digits: hash it under a key of your own")
            other = seen.setdefault((name, epoch, reference), number)
            if other != number and name in ("subscriber_ref", "sim_ref"):
                problems.append(f"{name} of {number} is that of {other}")
        tac = told.device_ref.value.tac
        if tac and not (len(tac) == TAC_DIGITS and tac.isdigit()):
            problems.append(f"tac of {number} has {len(tac)} characters, {TAC_DIGITS} digits are expected")
    expect_all(problems)
    if len(kit.profile.own) == 1:
        raise CannotCheck("one own number only: name a second, to see that their references differ")
    return ""


CHECKS = (size, key_epoch, stable, basis, hidden)
