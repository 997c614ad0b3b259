"""What becomes of a binding after it was made: what events, later lookups and time do to it.

Pure: a binding and what was learned go in, the binding after it comes out, the very same object where nothing changed.
Nothing here asks, waits or stores. What happened before a binding was made neither ends it nor moves it, and what an
operator repeats changes nothing more, so that events may come twice and in any order.
"""

import hashlib
from dataclasses import replace

from numseal.domain import binding_effect as effects
from numseal.domain.binding import LIVE, Binding, BindingState
from numseal.domain.binding_effect import Effect
from numseal.domain.evidence import (
    Basis,
    DeviceRef,
    ForwardingKind,
    Lookup,
    LookupOutcome,
    SimChange,
    SimChangeKind,
    SimRef,
    Subscriber,
    SubscriberRef,
)
from numseal.domain.operator import CLOCK_SKEW, BarredReason, EventKind, OperatorEvent
from numseal.domain.verdict import Finding, Severity

Ref = SubscriberRef | SimRef | DeviceRef
Learned = tuple[Binding, tuple[Finding, ...]]
"""A binding after something was learned, and what was found, noted before or not."""

_ABOUT_NO_BINDING = frozenset({EventKind.DELIVERY, EventKind.HEARTBEAT})
_ENDS = {EventKind.TERMINATED: effects.TERMINATED, EventKind.REASSIGNED: effects.REASSIGNED}
_END_THE_WATCH = frozenset({EventKind.PORT_OUT, *_ENDS})


def after_event(binding: Binding, event: OperatorEvent, now: int, reverify: int) -> Learned:
    """Apply an event about the bound number, as read strictly; times in Unix seconds.

    `reverify` is how many seconds a binding whose SIM changed may go unverified. An event from before the binding was
    made does nothing, but for two: a change of SIM that became known too late lowers the level, and one that ends
    watches, so close before that the clocks may be to blame, has the number looked up now. So does one dated over
    CLOCK_SKEW ahead: something is the matter, and its date says not what or when.
    """
    if binding.state not in LIVE or event.kind in _ABOUT_NO_BINDING:
        return binding, ()
    if event.occur_time > now + CLOCK_SKEW:
        return _due(binding, now), ()
    if event.occur_time <= binding.verified_time:
        return _of_before(binding, event, now, reverify)
    effect = _of_event(binding, event, now, reverify)
    after = effect.on(binding, now)
    return _observed(after, min(event.observe_time, now)), effect.findings


def after_lookup(binding: Binding, lookup: Lookup, now: int, reverify: int) -> Learned:
    """Apply a later lookup of the bound number, made for the time since `verified_time`; otherwise as `after_event`.

    References are held against those of the same operator and key epoch only, a SIM's on DIRECT basis only. An
    unanswered lookup changes nothing, `observed_time` included.
    """
    if binding.state not in LIVE or lookup.outcome is LookupOutcome.UNANSWERED:
        return binding, ()
    if lookup.outcome is LookupOutcome.NOT_ASSIGNED:
        effect = effects.revoked("TERMINATED", effects.TERMINATED, "recheck.not_assigned", now=now)
    elif lookup.outcome is LookupOutcome.PORTED:
        moves = lookup.ported_to not in {"", binding.operator_id}
        time = now if moves else binding.sim_changed_time or now
        effect = effects.moved(binding, lookup.ported_to, "recheck.ported", time=time, reverify=reverify)
    elif lookup.outcome is LookupOutcome.NOT_SERVED:
        effect = effects.doubted(binding, effects.NOT_SERVED, "recheck.not_served", reverify_by=now + reverify)
    else:
        effect = _of_subscriber(binding, lookup.operator_id, lookup.subscriber or Subscriber(), now, reverify)
    answered = effects.without_finding(binding, effects.UNANSWERED.code)
    return _observed(effect.on(answered, now), lookup.time), effect.findings


def at(binding: Binding, now: int) -> Binding:
    """Return a binding as time alone leaves it: expired, or no longer contested."""
    if binding.state not in LIVE:
        return binding
    if now >= binding.expire_time:
        ended = {"state": BindingState.EXPIRED, "end_reason": "EXPIRED", "end_time": binding.expire_time}
        return Effect(changes={**ended, **effects.NOT_CONTESTED}).on(binding, now)
    if binding.contest_end is not None and now >= binding.contest_end:
        return Effect(changes=effects.NOT_CONTESTED).on(binding, now)
    return binding


def next_recheck(binding: Binding, period: int, now: int) -> int:
    """Return when a binding is due next, at most `period` seconds from now.

    Bindings that were made together are spread over the last quarter of the period by a hash of their ids. The end of
    a contest and the binding's own make it due as well.
    """
    spread = int.from_bytes(hashlib.sha256(binding.binding_id.encode()).digest()[:4], "big") % (period // 4 + 1)
    ends = [binding.expire_time] if binding.contest_end is None else [binding.expire_time, binding.contest_end]
    return min(now + period - spread, *ends)


def _of_before(binding: Binding, event: OperatorEvent, now: int, reverify: int) -> Learned:
    age = binding.verified_time - event.occur_time
    if event.kind in _END_THE_WATCH and age <= CLOCK_SKEW:
        return _due(binding, now), ()
    if event.kind is not EventKind.SIM_CHANGE or event.sim_change is SimChangeKind.MULTISIM:
        return binding, ()
    known_then = event.observe_time <= binding.verified_time or event.occur_time == binding.facts.sim_change_time
    if known_then or age >= reverify:
        return binding, ()
    due = event.occur_time + reverify
    effect = effects.doubted(binding, effects.SIM_CHANGED_BEFORE, "event.sim_change", reverify_by=due)
    effect = effect.and_(_of_suspicion(binding, event))
    return effect.on(binding, now), effect.findings


def _of_event(binding: Binding, event: OperatorEvent, now: int, reverify: int) -> Effect:
    if event.kind in _ENDS:
        return _of_end(binding, event, now)
    if event.kind is EventKind.PORT_OUT:
        move = effects.moved(binding, event.to_operator, "event.port_out", time=event.occur_time, reverify=reverify)
        # It is asked at once who serves the number now, and whether events can be had there.
        return Effect(move.findings, {**move.changes, "recheck_time": min(binding.recheck_time, now)})
    if event.kind is EventKind.DEVICE_CHANGE:
        return effects.noted(effects.DEVICE_CHANGED, "event.device_change")
    if event.kind is EventKind.BARRED:
        what = effects.BARRED[event.barred or BarredReason.OTHER]
        if what.severity is Severity.SEVERE:
            return effects.suspended(binding, "BARRED", what, "event.barred")
        return effects.noted(what, "event.barred")
    return _of_sim_change(binding, event, reverify).and_(_of_suspicion(binding, event))


def _of_end(binding: Binding, event: OperatorEvent, now: int) -> Effect:
    ref = event.subscriber_ref
    if event.kind is EventKind.REASSIGNED and ref is not None and ref == binding.facts.subscriber_ref:
        # It tells of the coming of the very subscriber for whom the number was bound.
        return Effect()
    return effects.revoked(event.kind.value, _ENDS[event.kind], f"event.{event.kind.value.lower()}", now=now)


def _of_sim_change(binding: Binding, event: OperatorEvent, reverify: int) -> Effect:
    if event.sim_change is SimChangeKind.MULTISIM:
        return effects.noted(effects.SIM_ADDED, "event.sim_change")
    if _same_sim(binding.facts.sim_ref, event.sim_ref):
        # The event tells of the very SIM that control was shown with: of its coming, or of its coming back.
        return Effect()
    what, time = effects.SIM_CHANGED, event.occur_time
    return effects.sim_changed(binding, what, "event.sim_change", time=time, reverify=reverify)


def _of_suspicion(binding: Binding, event: OperatorEvent) -> Effect:
    if not event.fraud_suspected:
        return Effect()
    return effects.suspended(binding, "SIM_CHANGED", effects.FRAUD_SUSPECTED, "event.fraud_suspected")


def _of_subscriber(binding: Binding, operator_id: str, found: Subscriber, now: int, reverify: int) -> Effect:
    facts = binding.facts
    # Each operator hashes under keys of its own, whatever they are called.
    same_keys = operator_id == facts.operator_id
    if found.recycled.known:
        return effects.revoked("REASSIGNED", effects.REASSIGNED, "recheck.recycled", now=now)
    if same_keys and _differ(facts.subscriber_ref, found.subscriber_ref.known):
        return effects.revoked("REASSIGNED", effects.REASSIGNED, "recheck.subscriber_ref", now=now)
    effect = Effect()
    sim, port = found.sim_ref.known, found.port.known
    changed = _changed_since(binding, found.sim_change.known, same_sim=same_keys and _same_sim(facts.sim_ref, sim))
    what, path = effects.SIM_CHANGED, "recheck.sim_change"
    if same_keys and _direct(facts.sim_ref, sim) and _differ(facts.sim_ref, sim):
        changed, path = changed or binding.sim_changed_time or now, "recheck.sim_ref"
    if changed is not None:
        effect = effect.and_(effects.sim_changed(binding, what, path, time=changed, reverify=reverify))
    if port is not None and port.time > binding.verified_time and port.time != facts.port_time:
        came = effects.sim_changed(binding, effects.PORTED, "recheck.port", time=port.time, reverify=reverify)
        effect = effect.and_(came)
    if same_keys and _differ(facts.device_ref, found.device_ref.known):
        effect = effect.and_(effects.noted(effects.DEVICE_CHANGED, "recheck.device_ref"))
    if any(item.active and item.kind is ForwardingKind.UNCONDITIONAL for item in found.forwarding.known or ()):
        effect = effect.and_(effects.noted(effects.FORWARDED, "recheck.forwarding"))
    return effect


def _changed_since(binding: Binding, change: SimChange | None, *, same_sim: bool) -> int | None:
    """Return when the SIM changed since the binding was made, as the operator dates it."""
    if change is None or change.kind is SimChangeKind.MULTISIM or change.time == binding.facts.sim_change_time:
        return None
    # While the bound SIM is still in place, a date within the clocks' difference is that of its own coming.
    latest_before = binding.verified_time + (CLOCK_SKEW if same_sim else 0)
    return change.time if change.time > latest_before else None


def _due(binding: Binding, now: int) -> Binding:
    return binding if binding.recheck_time <= now else replace(binding, recheck_time=now)


def _observed(binding: Binding, time: int) -> Binding:
    return binding if time <= binding.observed_time else replace(binding, observed_time=time)


def _differ(then: Ref | None, now: Ref | None) -> bool:
    return then is not None and now is not None and then.key_epoch == now.key_epoch and then.ref != now.ref


def _direct(then: SimRef | None, now: SimRef | None) -> bool:
    return then is not None and now is not None and then.basis is now.basis is Basis.DIRECT


def _same_sim(then: SimRef | None, now: SimRef | None) -> bool:
    return then is not None and then == now and then.basis is Basis.DIRECT
