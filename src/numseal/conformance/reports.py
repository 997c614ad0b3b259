"""A run's results for programs: JSON, and JUnit XML as CI systems read it. Pure; what people read is `apps.cli`'s."""

import json
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

from numseal.conformance.results import Outcome, Result

_SUITE = "numseal operator conformance"


def counts(results: Sequence[Result]) -> dict[Outcome, int]:
    """Return how many checks came to each outcome."""
    found = Counter(result.outcome for result in results)
    return {outcome: found[outcome] for outcome in Outcome}


def to_json(results: Sequence[Result], address: str) -> str:
    """Return the results as a JSON object: address, counts by outcome, and every check with its clause."""
    told = {
        "address": address,
        "counts": {str(outcome): count for outcome, count in counts(results).items()},
        "checks": [
            {
                "id": result.id,
                "title": result.title,
                "outcome": result.outcome,
                "sentences": result.sentences,
                "clause": {"place": result.clause.place, "sentence": result.clause.sentence},
                "seconds": round(result.seconds, 3),
            }
            for result in results
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def to_junit(results: Sequence[Result], address: str) -> str:
    """Return the results as one test suite; what does not apply or was not checked is skipped, with the reason."""
    found = counts(results)
    skipped = found[Outcome.SKIPPED] + found[Outcome.NOT_CHECKED]
    whole = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        whole,
        "testsuite",
        name=_SUITE,
        hostname=address,
        tests=str(len(results)),
        failures=str(found[Outcome.FAILED]),
        errors="0",
        skipped=str(skipped),
        time=f"{sum(result.seconds for result in results):.3f}",
    )
    for result in results:
        group, _, _ = result.id.partition(".")
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"{_SUITE}.{group}",
            name=f"{result.id}: {result.title}",
            time=f"{result.seconds:.3f}",
        )
        words = "; ".join(result.sentences)
        if result.outcome is Outcome.FAILED:
            failure = ElementTree.SubElement(case, "failure", message=words, type="Broken")
            failure.text = "\n".join([*result.sentences, str(result.clause)])
        elif result.outcome is not Outcome.PASSED:
            ElementTree.SubElement(case, "skipped", message=f"{result.outcome}: {words}")
        elif words:
            ElementTree.SubElement(case, "system-out").text = words
    ElementTree.indent(whole)
    return ElementTree.tostring(whole, encoding="unicode", xml_declaration=True) + "\n"
