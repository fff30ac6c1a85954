"""Items for tests of lists: a few of every kind, or very many."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from sqlalchemy import Engine

from domain.base.durations import Span
from domain.base.values import Status, WaitType
from domain.model.definitions import DueRule
from domain.model.due_clock import Stop
from domain.model.items import AnyItem, Attention, CurrentWait
from domain.model.publications import Publication
from store.projection.writer import GroupWriter
from tests.support.publications import (
    action,
    case,
    make_due_clock,
    make_publication,
    ticket,
    write_all,
)

LONG_TITLE: Final = (
    "Rechnung 2026-4711-0815-XXL der Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"
    "bauunterbeamtengesellschaft: Mahnung trotz rechtzeitiger Zahlung, mit Skonto, ohne Beleg, "
    "und mit einem Titel, der niemals endet"
)
TITLES: Final = (
    "Which cost centre for the trade fair?",
    "Reminder for invoice 4711, already paid",
    "Parental leave from March",
    "Certificate of employment for a flat",
    "New bank account",
    "Pallet of toner never arrived",
    "Badge does not open the garage",
    "Invoice without purchase order",
)
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def write_items(engine: Engine, publications: Iterator[Publication]) -> None:
    """Write the publications to the store."""
    with GroupWriter(engine, "list-data") as writer:
        write_all(writer.put, *publications)


def few_items(now: datetime | None = None) -> Iterator[Publication]:
    """Yield items of Amy in each status, with each mark and each colour."""
    now = now or datetime.now(UTC)
    yield from map(make_publication, _items(now))


def many_items(number_of_items: int = 240, now: datetime | None = None) -> Iterator[Publication]:
    """Yield as many items for each of Amy's lists and for a queue, some with very long titles."""
    now = now or datetime.now(UTC)
    numbers = count(1)
    for number in range(number_of_items):
        title = LONG_TITLE if number % 9 == 4 else TITLES[number % len(TITLES)]
        soon = now + timedelta(hours=number * 3 - 40)
        for queue, fields in (
            ("accounts-payable", {"assignee": "amy", "status": Status.IN_PROGRESS}),
            ("human-resources", {"owner": "amy", "status": Status.RESOLVED}),
            ("accounts-payable", {}),
        ):
            yield make_publication(
                ticket(
                    _reference("T", next(numbers)),
                    title=title,
                    category="payment-reminder" if number % 3 else "hr-question",
                    queue=queue,
                    due=make_due_clock(soon),
                    new_information=number % 4 == 0,
                    robot_rejected=number % 11 == 0,
                    **_times(now, number),
                    **fields,
                )
            )


def _items(now: datetime) -> Iterator[AnyItem]:
    hour = timedelta(hours=1)
    margin = DueRule(within=Span(days=1, clock=timedelta(0)), at_risk=Span(days=0, clock=6 * hour))
    risky = replace(make_due_clock(now + 4 * hour), rule=margin)
    paused = replace(make_due_clock(now + 3.4 * hour), stops=(Stop(since=now),))
    yield ticket(
        "T-7F3K9Q2D",
        title=TITLES[0],
        category="invoice-question",
        queue="accounts-payable",
        status=Status.IN_PROGRESS,
        assignee="amy",
        due=make_due_clock(now + 26 * hour),
        **_times(now, 1),
    )
    yield ticket(
        "T-7F3K9Q2F",
        title=TITLES[1],
        category="payment-reminder",
        queue="accounts-payable",
        status=Status.IN_PROGRESS,
        assignee="amy",
        due=make_due_clock(now - 2 * hour),
        new_information=True,
        **_times(now, 2),
    )
    yield ticket(
        "T-7F3K9Q2H",
        title=TITLES[4],
        category="payment-reminder",
        queue="accounts-payable",
        status=Status.TO_DO,
        assignee="amy",
        due=risky,
        **_times(now, 3),
    )
    yield ticket(
        "T-7F3K9Q2K",
        title=TITLES[2],
        category="hr-question",
        queue="human-resources",
        status=Status.WAIT,
        owner="amy",
        new_information=True,
        wait=CurrentWait(type=WaitType.MORE_INFORMATION),
        due=paused,
        **_times(now, 4),
    )
    yield case(
        "C-2M8XW4TA",
        title="Pay invoice 4711 of Fabrikam",
        queue="accounts-payable",
        status=Status.TO_DO,
        assignee="amy",
        due=make_due_clock(now + 50 * hour),
        attention=(Attention(action="match", reason="no purchase order"),),
        **_times(now, 5),
    )
    yield action(
        "C-2M8XW4TA-A3",
        case="C-2M8XW4TA",
        title="Approve the amount",
        queue="accounts-payable",
        status=Status.IN_PROGRESS,
        assignee="amy",
        due=make_due_clock(now + 7 * hour),
        **_times(now, 6),
    )
    yield ticket(
        "T-8B2C3D4F",
        title="",
        category=None,
        queue="default",
        status=Status.DRAFT,
        assignee="amy",
        **(_times(now, 7) | {"submitted_at": None}),
    )
    yield ticket(
        "T-8B2C3D4G",
        title=TITLES[5],
        category="invoice-question",
        queue="goods-receipt",
        status=Status.WAIT,
        owner="amy",
        wait=CurrentWait(type=WaitType.UNTIL, wakes_at=now + 44 * hour),
        due=make_due_clock(now + 60 * hour),
        **_times(now, 8),
    )
    yield ticket(
        "T-8B2C3D4H",
        title=TITLES[3],
        category="hr-certificate",
        queue="human-resources",
        status=Status.RESOLVED,
        owner="amy",
        closes_at=now + 70 * hour,
        **_times(now, 9),
    )
    for number, title in enumerate(TITLES):
        yield ticket(
            f"T-9Q{number}K",
            title=title,
            category="payment-reminder",
            queue="accounts-payable",
            due=make_due_clock(now + (number - 1) * 5 * hour),
            robot_rejected=number == 2,
            **_times(now, number),
        )


def _times(now: datetime, hours: int) -> dict[str, Any]:
    then = now - timedelta(hours=hours + 2)
    return {"started_at": then, "submitted_at": then, "changed_at": then + timedelta(minutes=30)}


def _reference(letter: str, number: int) -> str:
    digits = ""
    for _ in range(4):
        number, digit = divmod(number, len(_LETTERS))
        digits = _LETTERS[digit] + digits
    return f"{letter}-{digits}7F3K"
