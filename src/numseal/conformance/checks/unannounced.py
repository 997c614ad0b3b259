"""Checks that calls which GetCapabilities does not announce are UNIMPLEMENTED, and nothing else."""

from google.protobuf.message import Message

from numseal.api.operator.v1 import event_pb2, operator_pb2, subscriber_pb2
from numseal.conformance.check import check
from numseal.conformance.clause import operator
from numseal.conformance.kit import NOWHERE, Kit, Refused
from numseal.conformance.results import Broken, DoesNotApply, expect
from numseal.conformance.tap import Tap
from numseal.conformance.words import word

UNIMPLEMENTED = operator("OperatorBackend", "UNIMPLEMENTED for a call that GetCapabilities does not announce.")
_CODES = (operator_pb2.METHOD_SMS, operator_pb2.METHOD_VOICE, operator_pb2.METHOD_OPERATOR_CODE)


def _offered(kit: Kit) -> list[int]:
    return [int(offer.method) for offer in kit.told.methods]


async def _unimplemented(kit: Kit, method: str, request: Message) -> None:
    try:
        await kit.call(method, request)
    except Refused as error:
        expect(error.code.name == "UNIMPLEMENTED", f"{error}; UNIMPLEMENTED is expected")
    else:
        raise Broken(f"{method} answered OK, and is not announced; UNIMPLEMENTED is expected")


@check("unannounced.lookup", "Without signals there is no LookUpSubscriber", UNIMPLEMENTED)
async def lookup(kit: Kit) -> str:
    """Look a number up."""
    if kit.told.signals:
        raise DoesNotApply("GetCapabilities announces signals")
    kinds = [subscriber_pb2.SIGNAL_KIND_LINE_TYPE]
    await _unimplemented(kit, "LookUpSubscriber", kit.lookup(NOWHERE, kinds))
    return ""


@check("unannounced.method", "A method that is not announced sends nothing", UNIMPLEMENTED)
async def method(kit: Kit) -> str:
    """Order each method that is not announced; where another is, it may be refused as malformed too."""
    offered = _offered(kit)
    missing = [one for one in _CODES if one not in offered]
    if not missing:
        raise DoesNotApply("GetCapabilities announces SMS, VOICE and OPERATOR_CODE")
    fit = ("UNIMPLEMENTED", "INVALID_ARGUMENT") if len(missing) < len(_CODES) else ("UNIMPLEMENTED",)
    number = kit.profile.own[0] if kit.profile.own else NOWHERE
    for one in missing:
        name = word(operator_pb2.Method, one)
        code = operator_pb2.OperatorCode(text="Code {{code}}")
        request = kit.order(number, method=one, **({"operator_code": code} if name == "OPERATOR_CODE" else {}))
        try:
            await kit.call("SendCode", request)
        except Refused as error:
            expect(error.code.name in fit, f"{name}: {error}; {fit[0]} is expected")
        else:
            raise Broken(f"SendCode by {name} answered OK, and is not announced")
    return ", ".join(word(operator_pb2.Method, one) for one in missing)


@check("unannounced.check", "Without codes of the operator's own there is no CheckCode", UNIMPLEMENTED)
async def check_code(kit: Kit) -> str:
    """Offer a code."""
    if operator_pb2.METHOD_OPERATOR_CODE in _offered(kit):
        raise DoesNotApply("GetCapabilities announces OPERATOR_CODE")
    request = operator_pb2.CheckCodeRequest(
        request_id=kit.new_id(), phone_number=NOWHERE, challenge=b"conformance", code="123456"
    )
    await _unimplemented(kit, "CheckCode", request)
    return ""


@check("unannounced.network", "Without network checks there is neither their start nor their end", UNIMPLEMENTED)
async def network(kit: Kit) -> str:
    """Begin and finish a network check."""
    if operator_pb2.METHOD_NETWORK in _offered(kit):
        raise DoesNotApply("GetCapabilities announces NETWORK")
    start = operator_pb2.StartNetworkCheckRequest(
        request_id=kit.new_id(),
        phone_number=NOWHERE,
        redirect_uri=kit.profile.redirect_uri,
        state="numseal-conformance",
        expire_time=kit.time(300),
        agreement_id=kit.profile.agreement_id,
        purpose=operator_pb2.PURPOSE_SIGN_UP,
    )
    finish = operator_pb2.FinishNetworkCheckRequest(
        request_id=kit.new_id(),
        phone_number=NOWHERE,
        challenge=b"conformance",
        authorization_code="conformance",
        state="numseal-conformance",
    )
    await _unimplemented(kit, "StartNetworkCheck", start)
    await _unimplemented(kit, "FinishNetworkCheck", finish)
    return ""


@check("unannounced.events", "Without events there are neither watches nor a stream", UNIMPLEMENTED)
async def events(kit: Kit) -> str:
    """Watch, unwatch, and open a stream."""
    if kit.told.events:
        raise DoesNotApply("GetCapabilities announces events")
    watch = operator_pb2.WatchSubscriberRequest(
        request_id=kit.new_id(),
        phone_number=NOWHERE,
        kinds=[event_pb2.EVENT_KIND_SIM_CHANGE],
        agreement_id=kit.profile.agreement_id,
    )
    await _unimplemented(kit, "WatchSubscriber", watch)
    unwatch = operator_pb2.UnwatchSubscriberRequest(request_id=kit.new_id(), watch_id="conformance")
    await _unimplemented(kit, "UnwatchSubscriber", unwatch)
    stream = Tap(kit, "")
    await stream.read_for(kit.pace.quiet)
    expect(
        stream.refused is not None and stream.refused.code.name == "UNIMPLEMENTED",
        f"{stream.refused or 'StreamEvents began'}, and is not announced; UNIMPLEMENTED is expected",
    )
    return ""


CHECKS = (lookup, method, check_code, network, events)
