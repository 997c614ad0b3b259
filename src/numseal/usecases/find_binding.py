"""Find a binding for the relying party it belongs to; anybody else's looks like none."""

from numseal.domain.binding import Binding
from numseal.domain.errors import not_found
from numseal.ports.store import Store
from numseal.usecases.find_verification import check_id


async def find_binding(store: Store, relying_party: str, binding_id: str) -> Binding:
    """Return the binding; raises Refusal where the relying party has none by this id."""
    check_id(binding_id, "binding_id")
    found = await store.binding(binding_id)
    if found is None or found.relying_party != relying_party:
        raise not_found("BINDING_NOT_FOUND", "binding_id: the relying party has no such binding")
    return found
