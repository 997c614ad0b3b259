"""The one list of RPCs that the contract has and this server does not serve, each with the reason it answers."""

from collections.abc import Mapping
from typing import Any, NoReturn

import grpc

from numseal.adapters.rpc.errors import abort
from numseal.domain.errors import Kind, Reasoning, Refusal

_STATUS = "this server publishes no status lists; CheckNumber tells what became of a binding"
_ADMIN = "this server is administered by its configuration file only"

UNSERVED: Mapping[str, str] = {
    "TransparencyService.GetStatusList": _STATUS,
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
