"""Which operator a number is routed to, before and after the files were read again."""

from numseal.domain.number_plan import NumberPlan, Range
from numseal.domain.porting import parse_porting
from numseal.domain.routing import Routes, Routing

NUMBER = "+79161234567"
PLAN = NumberPlan([Range("+7916", 11, "mts"), Range("+7926", 11, "megafon")])
PORTING = parse_porting(["number,operator", f"{NUMBER},beeline", "+442071234567,bt"])


def test_the_plan_routes_what_was_not_ported() -> None:
    routing: Routes = Routing(PLAN)
    assert routing.owner(NUMBER) == "mts"
    assert routing.owner("+442071234567") is None
    assert routing.matches(NUMBER)
    assert not routing.matches("+442071234567")


def test_the_porting_file_routes_what_it_has_in_the_plan_or_not() -> None:
    routing = Routing(PLAN, PORTING)
    assert routing.owner(NUMBER) == "beeline"
    assert routing.owner("+79161234568") == "mts"
    assert routing.owner("+442071234567") == "bt"
    # What can be a number of that range is the plan's to say.
    assert not routing.matches("+442071234567")


def test_both_change_at_once() -> None:
    routing = Routing(PLAN, PORTING)
    routing.replace(NumberPlan([Range("+7916", 11, "t2")]))
    assert routing.owner(NUMBER) == "t2"
    assert not routing.matches("+79261234567")
    assert (len(routing.plan.ranges()), len(routing.porting)) == (1, 0)
