"""Answer whether a number that an account shows is really this account's."""

from collections.abc import Sequence
from dataclasses import dataclass

from numseal.domain.binding import Check
from numseal.domain.binding import check_number as judge
from numseal.domain.errors import Refusal, invalid
from numseal.domain.msisdn import parse_msisdn
from numseal.domain.number_plan import NumberPlan
from numseal.domain.verdict import Level
from numseal.ports.clock import Clock
from numseal.ports.store import Store
from numseal.usecases.start_verification import check_account_id

MAX_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Shown:
    """An account and the number it shows, as they came; `max_age` in seconds, None for any age."""

    account_id: str
    phone_number: str
    region_code: str = ""
    min_level: Level = Level.NONE
    max_age: int | None = None


class CheckNumber:
    """Answers checks from the store alone; asks no operator."""

    def __init__(self, *, store: Store, plan: NumberPlan, clock: Clock) -> None:
        """Take what it needs by name."""
        self._store = store
        self._plan = plan
        self._clock = clock

    async def __call__(self, relying_party: str, shown: Shown) -> tuple[Check, int]:
        """Return the answer and its time; raises Refusal for what cannot be a number or an account id."""
        number = self._number(shown)
        rows = await self._store.account_rows(relying_party, shown.account_id, number)
        now = self._clock.now()
        check = judge(
            rows.rows,
            held_by_other=rows.held_by_other,
            min_level=shown.min_level,
            max_age=shown.max_age,
            now=now,
        )
        return check, now

    async def many(self, relying_party: str, items: Sequence[Shown]) -> tuple[list[Check | Refusal], int]:
        """Return an answer or a refusal for each item, in order; raises Refusal for more than 1,000."""
        if len(items) > MAX_BATCH:
            raise invalid("requests", "TOO_MANY_REQUESTS", f"requests: {len(items)}; at most {MAX_BATCH} are expected")
        answers: list[Check | Refusal | None] = []
        pairs: list[tuple[str, str]] = []
        for item in items:
            try:
                pairs.append((item.account_id, self._number(item)))
                answers.append(None)
            except Refusal as refusal:
                answers.append(refusal)
        found = iter(await self._store.account_rows_many(relying_party, pairs))
        now = self._clock.now()
        checked: list[Check | Refusal] = []
        for item, answer in zip(items, answers, strict=True):
            if answer is not None:
                checked.append(answer)
                continue
            rows = next(found)
            checked.append(
                judge(
                    rows.rows,
                    held_by_other=rows.held_by_other,
                    min_level=item.min_level,
                    max_age=item.max_age,
                    now=now,
                )
            )
        return checked, now

    def _number(self, shown: Shown) -> str:
        check_account_id(shown.account_id)
        if shown.max_age is not None and shown.max_age < 0:
            raise invalid("max_age", "MAX_AGE_NEGATIVE", "max_age: a duration of 0 or more is expected")
        return parse_msisdn(shown.phone_number, shown.region_code, self._plan.matches)
