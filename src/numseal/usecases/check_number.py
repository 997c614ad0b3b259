"""Answer whether a number that an account shows, or that it presents an attestation of, is really this account's."""

from collections.abc import Sequence
from dataclasses import dataclass

from numseal.domain.binding import Check
from numseal.domain.binding import check_number as judge
from numseal.domain.errors import Refusal, invalid
from numseal.domain.msisdn import parse_msisdn
from numseal.domain.policy import Policies
from numseal.domain.routing import Routes
from numseal.domain.verdict import Level
from numseal.ports.clock import Clock
from numseal.ports.store import AccountRows, Store
from numseal.usecases.check_presentation import CheckPresentation
from numseal.usecases.start_verification import check_account_id
from numseal.usecases.stream_health import StreamHealth

MAX_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Shown:
    """An account and what it shows, as they came: a number, or a presentation with its nonce and audience.

    `max_age` is in seconds, None for that of the relying party's policy.
    """

    account_id: str
    phone_number: str = ""
    region_code: str = ""
    min_level: Level = Level.LOW
    max_age: int | None = None
    presentation: str = ""
    nonce: str = ""
    audience: str = ""


class CheckNumber:
    """Answers checks from the store, and from how alive the operators' events are; asks no operator."""

    def __init__(
        self,
        *,
        store: Store,
        plan: Routes,
        policies: Policies,
        clock: Clock,
        health: StreamHealth,
        presentations: CheckPresentation,
    ) -> None:
        """Take what it needs by name."""
        self._store = store
        self._plan = plan
        self._policies = policies
        self._clock = clock
        self._health = health
        self._presentations = presentations

    async def __call__(self, relying_party: str, shown: Shown) -> tuple[Check, int]:
        """Return the answer and its time; raises Refusal for what cannot be a number, a presentation or an account."""
        max_age = self._max_age(relying_party, shown)
        if shown.presentation:
            return await self._presented(relying_party, shown, max_age), self._clock.now()
        number = self._number(shown)
        rows = await self._store.account_rows(relying_party, shown.account_id, number)
        now = self._clock.now()
        return self._judge(rows, shown, max_age, now), now

    async def many(self, relying_party: str, items: Sequence[Shown]) -> tuple[list[Check | Refusal], int]:
        """Return an answer or a refusal for each item, in order; raises Refusal for more than 1,000."""
        if len(items) > MAX_BATCH:
            raise invalid("requests", "TOO_MANY_REQUESTS", f"requests: {len(items)}; at most {MAX_BATCH} are expected")
        answers: list[Check | Refusal | None] = []
        ages: list[int | None] = []
        pairs: list[tuple[str, str]] = []
        for item in items:
            try:
                max_age = self._max_age(relying_party, item)
                if item.presentation:
                    answers.append(await self._presented(relying_party, item, max_age))
                else:
                    pairs.append((item.account_id, self._number(item)))
                    ages.append(max_age)
                    answers.append(None)
            except Refusal as refusal:
                answers.append(refusal)
        found = zip(await self._store.account_rows_many(relying_party, pairs), ages, strict=True)
        now = self._clock.now()
        checked: list[Check | Refusal] = []
        for item, answer in zip(items, answers, strict=True):
            if answer is None:
                rows, max_age = next(found)
                checked.append(self._judge(rows, item, max_age, now))
            else:
                checked.append(answer)
        return checked, now

    def _judge(self, rows: AccountRows, shown: Shown, max_age: int | None, now: int) -> Check:
        return judge(
            rows.rows,
            held_by_other=rows.held_by_other,
            min_level=shown.min_level,
            max_age=max_age,
            now=now,
            streams=self._health.streams,
        )

    async def _presented(self, relying_party: str, shown: Shown, max_age: int | None) -> Check:
        return await self._presentations(
            relying_party,
            account_id=shown.account_id,
            presentation=shown.presentation,
            nonce=shown.nonce,
            audience=shown.audience,
            min_level=shown.min_level,
            max_age=max_age,
        )

    def _max_age(self, relying_party: str, shown: Shown) -> int | None:
        if shown.max_age is None:
            return self._policies.for_party(relying_party).monitoring.max_age or None
        if shown.max_age < 0:
            raise invalid("max_age", "MAX_AGE_NEGATIVE", "max_age: a duration of 0 or more is expected")
        return shown.max_age

    def _number(self, shown: Shown) -> str:
        check_account_id(shown.account_id)
        return parse_msisdn(shown.phone_number, shown.region_code, self._plan.matches)
