"""The one list of RPCs that the contract has and this server does not serve, each with the reason it answers."""

from collections.abc import Mapping
from typing import Any, NoReturn

import grpc

from numseal.adapters.rpc.errors import abort
from numseal.domain.errors import Kind, Reasoning, Refusal

_NETWORK = "network possession is not checked by this server; use a code"
_CONTINUE = "a contested or stepped-up verification cannot be continued on this server; start another one"
_AFTER = "this server does not watch bindings after they were made"
_STATUS = "this server publishes no status lists; CheckNumber tells what became of a binding"
_PRESENTATION = "this server does not judge presentations; verify them offline with `numseal verify`"
_ADMIN = "this server is administered by its configuration file only"
_CLOCK = "the simulated network lives in real time here"
_OPERATOR = "simulated operators always work; the lookups of a number can be made slow or failing"
_REPORT_DELAY = "the records of simulated operators show every change at once"
_RECEIPTS = (
    "simulated operators send no receipts; messages can be made to DELIVER, FAIL (lost without a word) or REFUSE"
)
_EVENTS = "the simulated operators of this server send no events"

UNSERVED: Mapping[str, str] = {
    "VerificationService.CheckNetworkProof": _NETWORK,
    "VerificationService.ContinueVerification": _CONTINUE,
    "BindingService.RefreshBinding": _AFTER,
    "BindingService.WatchBindings": _AFTER,
    "BindingService.CheckNumber(presentation)": _PRESENTATION,
    "TransparencyService.GetStatusList": _STATUS,
    "TransparencyService.VerifyAttestation(presentation)": _PRESENTATION,
    "SimulatorService.UpdateOperator": _OPERATOR,
    "SimulatorService.UpdateSubscriber(changes.report_delay)": _REPORT_DELAY,
    "SimulatorService.UpdateSubscriber(changes.delivery.behavior)": _RECEIPTS,
    "SimulatorService.EmitEvent": _EVENTS,
    "SimulatorService.OpenAuthUrl": _NETWORK,
    "SimulatorService.AdvanceClock": _CLOCK,
    "AdminService.*": _ADMIN,
}
"""By "Service.Rpc", or "Service.*" for all of a service's.

In parentheses stands the request's arm where only that is not served, or a field of which some values are not.
"""


def refusal(name: str, field: str | None = None) -> Refusal:
    """Return the refusal of something in the list; `field` is the request's field that asked for it."""
    sentence = UNSERVED.get(name) or UNSERVED[name.partition(".")[0] + ".*"]
    return Refusal(Reasoning(Kind.UNIMPLEMENTED, "NOT_SERVED", field=field, metadata={"rpc": name}), sentence)


async def unserved(context: grpc.aio.ServicerContext[Any, Any], name: str) -> NoReturn:
    """End a call of an RPC in the list."""
    await abort(context, refusal(name))
