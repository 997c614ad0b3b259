"""Keep every policy that verifications begin under, so that each ends under the one it began with."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from numseal.domain.policy import Policies, Policy, PolicyError, RuleShape, policy_of_document
from numseal.ports.store import Needs, Rows, Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Keep:
    policies: tuple[Policy, ...]
    needs = Needs()

    def decide(self, rows: Rows) -> None:
        for policy in self.policies:
            rows.keep_policy(policy.digest, policy.document)


class KeepPolicies:
    """Keeps policies in the store, and knows those kept there before."""

    def __init__(self, *, store: Store, shapes: Mapping[str, RuleShape]) -> None:
        """Take the store and the rules that exist."""
        self._store = store
        self._shapes = shapes

    async def __call__(self, default: Policy, by_party: Mapping[str, Policy]) -> Policies:
        """Return the policies in force with those that were in force before; the former are durable then."""
        kept = [policy for policy in [self._read(*row) for row in await self._store.policies()] if policy is not None]
        policies = Policies(default, by_party, tuple(kept))
        known = {policy.digest for policy in kept}
        await self._keep(tuple(policy for policy in policies.all() if policy.digest not in known))
        return policies

    async def replace(self, policies: Policies, default: Policy, by_party: Mapping[str, Policy]) -> None:
        """Put others in force, once they are durable."""
        await self._keep((default, *by_party.values()))
        policies.replace(default, by_party)

    async def _keep(self, policies: tuple[Policy, ...]) -> None:
        if policies:
            await self._store.apply(_Keep(policies))

    def _read(self, digest: str, document: str) -> Policy | None:
        try:
            return policy_of_document(document, self._shapes)
        except PolicyError as error:
            # It knew other rules; what is still under way under it ends under the one in force, and says so.
            _log.warning("policy %s is not understood any more: %s", digest, error)
            return None
