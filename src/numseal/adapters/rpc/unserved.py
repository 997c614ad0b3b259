"""The one list of RPCs that the contract has and this server does not serve, each with the reason it answers."""

from collections.abc import Mapping
from typing import Any, NoReturn

import grpc

from numseal.adapters.rpc.errors import abort
from numseal.domain.errors import Kind, Reasoning, Refusal

_STATUS = "this server publishes no status lists; CheckNumber tells what became of a binding"
_BY_FILE = "this server takes it from its configuration file; AdminService keeps agreements and the audit trail"
_NOT_IN_FILE = (
    "this server does not serve it; keys are files, and `numseal explain` reads the evidence of a verification"
)

UNSERVED: Mapping[str, str] = {
    "TransparencyService.GetStatusList": _STATUS,
    **dict.fromkeys(
        (
            "AdminService.CreateRelyingParty",
            "AdminService.GetRelyingParty",
            "AdminService.ListRelyingParties",
            "AdminService.UpdateRelyingParty",
            "AdminService.CreateCredential",
            "AdminService.RevokeCredential",
            "AdminService.CreateOperator",
            "AdminService.UpdateOperator",
            "AdminService.ListPolicies",
            "AdminService.ReloadPolicies",
        ),
        _BY_FILE,
    ),
    **dict.fromkeys(
        (
            "AdminService.ListKeys",
            "AdminService.RotateKey",
            "AdminService.MarkKeyCompromised",
            "AdminService.PublishKeyManifest",
            "AdminService.GetEvidence",
            "AdminService.EraseSubject",
            "AdminService.GetErasure",
        ),
        _NOT_IN_FILE,
    ),
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
