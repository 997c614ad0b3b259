"""`numseal admin operators`: which operators there are, and whether each can be asked now."""

import click

from numseal.api.admin.v1 import admin_pb2 as pb
from numseal.api.admin.v1 import resource_pb2
from numseal.apps.cli.admin_page import print_json, values_of
from numseal.apps.cli.admin_session import AdminCalls, Caller, calling
from numseal.apps.cli.style import bad, good, note

_WORDS = {
    "OPERATOR_NOT_CONNECTED": "the configuration connects it to no backend",
    "OPERATOR_UNWELL": "a circuit is open or half open: it failed, and some kind of call is left alone for a while",
    "CAPABILITIES_UNKNOWN": "it does not tell what it can do",
}


@click.command(name="operators")
@calling
def operators(caller: Caller) -> None:
    """List operators: id, name, networks, and whether each can be asked now.

    OPERATOR_UNWELL is one whose circuit is open or half open for at least one kind of call, under one agreement or
    more; these calls are named. Exit code 0: listed. 1: refused. 2: usage, or the server cannot be reached.
    """

    async def work(calls: AdminCalls) -> list[resource_pb2.Operator]:
        request = pb.ListOperatorsRequest()
        found: list[resource_pb2.Operator] = []
        while True:
            answer = await calls("ListOperators", request)
            found += answer.operators
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    found = caller.call(work)
    if caller.as_json:
        print_json([values_of(item) for item in found])
        return
    for item in found:
        reason = item.unavailable_reason
        known = _WORDS.get(reason, "it cannot be asked now")
        stands = f"{bad(reason)}  {note(known)}" if reason else good("WELL")
        networks = ",".join(item.plmns) or "no networks"
        click.echo(f"{item.operator_id}  {item.display_name}  {note(networks)}  {stands}")
        for circuit in item.circuits:
            if circuit.state != resource_pb2.CIRCUIT_STATE_CLOSED:
                state = resource_pb2.CircuitState.Name(circuit.state).removeprefix("CIRCUIT_STATE_")
                click.echo(f"  {circuit.call}  {bad(state)}")
