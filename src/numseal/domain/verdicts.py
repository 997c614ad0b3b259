"""How findings and requirements become a verdict. Pure: the same evidence and policy give the same verdict."""

from dataclasses import replace

from numseal.domain.evidence import (
    Answer,
    Basis,
    Evidence,
    Lookup,
    Method,
    Possession,
    Signal,
    SignalState,
    SimRef,
)
from numseal.domain.policy import LevelRequirement, Policy
from numseal.domain.rules import RULES
from numseal.domain.rules.path import sound
from numseal.domain.rules.view import HOUR, View, view_of
from numseal.domain.rules.waiting import waited_out
from numseal.domain.verdict import Decision, Finding, Level, Severity, Verdict

# Named once: to look up a member of an enumeration costs ten times what comparing it does.
_OK, _DIRECT, _SEVERE = SignalState.OK, Basis.DIRECT, Severity.SEVERE
_ANSWERS = tuple(Answer)
_LEVELS = (Level.LOW, Level.SUBSTANTIAL, Level.HIGH)


def evaluate(evidence: Evidence, policy: Policy) -> Verdict:
    """Hold evidence against a policy.

    Before the code (no `possession`) the level is NONE and only the decision counts. A SEVERE finding that was answered
    is a CAUTION; what could answer the others is in `answers`.
    """
    view = view_of(evidence)
    findings, answers = _findings(view, policy)
    level = Level.NONE
    if view.possessions:
        level, shortfall = _level(view, policy)
        findings += shortfall
        level = min([level, *(finding.cap for finding in findings if finding.cap is not None)])
        if level < evidence.required_level:
            answers |= _may_raise(view, policy, findings)
            findings.append(_below_required(level, evidence.required_level))
    findings.sort(key=lambda finding: -finding.severity)
    worst = findings[0].severity if findings else Severity.NOTE
    if worst is Severity.FATAL:
        return Verdict(Decision.REJECT, Level.NONE, tuple(findings), policy.digest)
    if worst is Severity.SEVERE:
        ordered = tuple(answer for answer in _ANSWERS if answer in answers)
        return Verdict(Decision.STEP_UP, level, tuple(findings), policy.digest, ordered)
    return Verdict(Decision.ACCEPT, level, tuple(findings), policy.digest)


def _findings(view: View, policy: Policy) -> tuple[list[Finding], set[Answer]]:
    """Return what the rules find, answered findings as cautions, and what could answer the open ones."""
    findings: list[Finding] = []
    answers: set[Answer] = set()
    settings = policy.rules
    for code, (rule, _) in RULES.items():
        setting = settings[code]
        finding = rule(view, setting)
        if finding is None:
            continue
        if finding.severity is _SEVERE:
            given = next((answer for answer in setting.answers if _is_given(view, answer)), None)
            if given is None:
                answers.update(answer for answer in setting.answers if _can_be_given(view, answer))
            else:
                finding = _answered(finding, given)
        findings.append(finding)
    return findings, answers


def _answered(finding: Finding, answer: Answer) -> Finding:
    sentence = f"{finding.sentence} This was answered by {_SPOKEN[answer]}."
    return replace(finding, severity=Severity.CAUTION, sentence=sentence)


_SPOKEN = {
    Answer.NETWORK: "possession shown through the network",
    Answer.METHOD: "a code by another method",
    Answer.WAIT: "the waiting time",
    Answer.SAME_KEY: "the account's own key",
    Answer.OLD_ACCOUNT_KEY: "the key of the account that holds the number",
    Answer.REGISTRATION_LOCK: "the relying party's registration lock",
    Answer.NEW_SUBSCRIBER: "the operator, which confirms a new subscriber",
}


def _is_given(view: View, answer: Answer) -> bool:
    if answer is Answer.NETWORK:
        return view.network_shown
    if answer is Answer.METHOD:
        return _by_another_method(view)
    if answer is Answer.SAME_KEY:
        return view.previous is not None and view.previous.same_account and view.previous.same_key
    if answer is Answer.WAIT:
        return waited_out(view.evidence)
    return any(grant.answer is answer for grant in view.evidence.grants)


def _by_another_method(view: View) -> bool:
    """Tell whether a code came back by another method than that of the newest code in doubt, itself beyond doubt."""
    codes = [(possession.method, sound(view, possession)) for possession in view.codes]
    if not codes:
        return False
    # Where no code is in doubt by its own way, it is the first one that is to be answered.
    doubted = next((method for method, is_sound in codes if not is_sound), codes[-1][0])
    return any(is_sound and method is not doubted for method, is_sound in codes)


def _can_be_given(view: View, answer: Answer) -> bool:
    """Tell whether an answer is open at all: a key can be proved only where an earlier binding has one."""
    previous = view.previous
    if answer is Answer.SAME_KEY:
        return previous is not None and previous.has_key and previous.same_account
    if answer is Answer.OLD_ACCOUNT_KEY:
        return previous is not None and previous.has_key
    return True


def _below_required(level: Level, required: Level) -> Finding:
    sentence = f"The level reached is {level.name}; the relying party requires {required.name}."
    return Finding("LEVEL_BELOW_REQUIRED", Severity.SEVERE, sentence, ("required_level",))


def _may_raise(view: View, policy: Policy, findings: list[Finding]) -> set[Answer]:
    """Return NETWORK where the level required can be reached by it; the lookup that then follows may say more."""
    evidence = view.evidence
    required = policy.levels[evidence.required_level]
    if view.network_shown or Method.NETWORK not in required.methods:
        return set()
    if _missing(evidence.before, required.before, required.max_signal_age):
        return set()
    shown = Possession(Method.NETWORK, evidence.time, evidence.time)
    imagined = replace(view, possessions=(shown, *view.possessions))
    for finding in findings:
        if finding.cap is None or finding.cap >= evidence.required_level or finding.evidence == ("after.outcome",):
            continue
        rule, _ = RULES[finding.code]
        if rule(imagined, policy.rules[finding.code]) is not None:
            return set()
    return {Answer.NETWORK}


def _level(view: View, policy: Policy) -> tuple[Level, list[Finding]]:
    """Return the highest level whose requirements hold, and why the next one does not."""
    reached, shortfall = Level.NONE, []
    for level in _LEVELS:
        shortfall = _shortfall(view, level, policy.levels[level])
        if shortfall:
            break
        reached = level
    return reached, shortfall


def _shortfall(view: View, level: Level, required: LevelRequirement) -> list[Finding]:
    if not _shown_well_enough(view, level, required):
        methods = ", ".join(sorted(required.methods))
        sentence = f"{level.name} requires {methods}."
        return [Finding("METHOD_BELOW_LEVEL", Severity.NOTE, sentence, ("possession.method",))]
    oldest, evidence = required.max_signal_age, view.evidence
    missing = [
        *(f"before.{name}" for name in _missing(evidence.before, required.before, oldest)),
        *(f"after.{name}" for name in _missing(evidence.after, required.after, oldest)),
    ]
    if not missing:
        return []
    fresh = f" or older than {oldest // HOUR} h" if oldest else ""
    sentence = f"{level.name} requires signals that are missing{fresh}: {', '.join(missing)}."
    return [Finding("SIGNAL_MISSING", Severity.NOTE, sentence, tuple(missing))]


def _shown_well_enough(view: View, level: Level, required: LevelRequirement) -> bool:
    oldest, now = required.max_signal_age, view.evidence.time
    for possession in view.possessions:
        # Control that was shown long ago says nothing of who has the SIM now.
        if possession.method in required.methods and not (oldest and now - possession.shown_time > oldest):
            return True
    previous = view.previous
    renews = required.renews and previous is not None and previous.same_account and previous.same_key
    return renews and previous is not None and previous.level >= level


def _missing(lookup: Lookup | None, names: tuple[str, ...], oldest: int) -> list[str]:
    """Return the signals that cannot be used: not OK, observed more than `oldest` seconds before, or saying nothing."""
    if lookup is None or lookup.subscriber is None:
        return list(names)
    missing = []
    for name in names:
        signal: Signal[object] = getattr(lookup.subscriber, name)
        meta = signal.meta
        if (
            meta.state is not _OK
            or (oldest and (meta.observe_time is None or lookup.time - meta.observe_time > oldest))
            or not _says_something(name, signal.value)
        ):
            missing.append(name)
    return missing


def _says_something(name: str, value: object) -> bool:
    if value is None:
        # A port that never happened and a SIM never changed are known facts without a value.
        return name in {"port", "sim_change"}
    # A home-routing node names itself and a correlation id (TS 23.840): that tells nothing of SIM and whereabouts.
    if name == "sim_ref":
        return isinstance(value, SimRef) and value.basis is _DIRECT
    # Registered nowhere names no network either that could have vouched for the SIM.
    if name == "serving":
        return isinstance(value, tuple) and any(node.basis is _DIRECT for node in value)
    return True
