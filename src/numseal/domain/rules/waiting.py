"""Whether a waiting time answers anything: only where the operator shows, after it, that the SIM stayed what it was.

Waiting gives a person whose SIM was swapped the time to notice and to have it back. Whoever still holds the SIM at its
end may go on; whoever lost it meanwhile may not, and what the operator does not tell is no yes.
"""

from numseal.domain.evidence import Answer, Evidence, SignalState
from numseal.domain.rules.references import other_sim


def waited_out(evidence: Evidence) -> bool:
    """Tell whether a waiting time was granted, and no SIM change came after control of the number was shown."""
    if evidence.after is None or evidence.after.subscriber is None:
        return False
    after = evidence.after.subscriber
    shown = min((possession.shown_time for possession in evidence.possessions()), default=None)
    granted = any(grant.answer is Answer.WAIT for grant in evidence.grants)
    if not granted or shown is None:
        return False
    meta, change, before = after.sim_change.meta, after.sim_change.value, evidence.before.subscriber
    # "No change" of a source whose records begin later says nothing of the time before.
    told = meta.state is SignalState.OK and (meta.coverage_start_time or 0) <= shown
    if not told or (change is not None and change.time > shown):
        return False
    # References of two operators do not compare; a port in between is a SIM change by its date.
    if before is None or evidence.before.operator_id != evidence.after.operator_id:
        return True
    return not other_sim(before.sim_ref.known, after.sim_ref.known)
