"""Seed data for screenshots: items in every status, short and very long."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from domain.base.values import Status
from store.auth.audit import add_entry
from store.items import queries
from store.schema.auth_tables import AuditKind, AuditOutcome, AuditRow
from tests.support.list_data import LONG_TITLE
from tests.support.process_stack import RunningStack, assert_eventually

ADA: Final = {"name": "Ada Lovelace", "email": "ada@example.org"}
BABBAGE: Final = {
    "name": "Charles Babbage of the Analytical Engine Company",
    "email": "charles@example.org",
}
LARGE_DEFINITION: Final[dict[str, Any]] = {
    "name": "move the head office",
    "queue": "accounts-payable",
    "steps": [
        {
            "key": f"step-{step}",
            "title": title,
            "actions": [
                {
                    "key": f"task-{step}-{number}",
                    "title": LONG_TITLE if number == 3 else f"{title}: part {number}",
                    "performer": "robot" if number % 4 == 0 else "human",
                }
                for number in range(1, 11)
            ],
        }
        for step, title in enumerate(
            ("Pack what is there", "Move it", "Unpack it all again", "Say where everything is"), 1
        )
    ],
}
QUESTION: Final = """Dear colleagues,

we paid invoice 4711 on the third of November, and still got a reminder for it this morning.
Could you please have a look? The payment order is attached.

Kind regards
Ada Lovelace"""


PAGE_READERS: Final = {"lead": "bob", "audit": "ola"}
"""Reader of a page, if not Amy."""


@dataclass(frozen=True, slots=True)
class ScreenshotItems:
    """References of the items, by what they show."""

    working: str = "T-7F3K9Q2D"
    waiting: str = "T-7F3K9Q2F"
    resolved: str = "T-7F3K9Q2H"
    draft: str = "T-7F3K9Q2K"
    long: str = "T-8B2C3D4F"
    attention: str = "C-2M8XW4TA"
    aborted: str = "C-5H9PZ7RB"
    forty: str = "C-9Q2K7F3K"
    paused: str = "C-3C4D5F6G"

    @property
    def addresses(self) -> dict[str, str]:
        """Path of every page, by what it shows."""
        items = {name: f"/items/{getattr(self, name)}" for name in self.__dataclass_fields__}
        return {
            "inbox": "/inbox",
            "owned": "/owned",
            "queue": "/queues/accounts-payable",
            "empty": "/queues/goods-receipt",
            "search": "/search?q=invoice",
            "lead": "/lead",
            "audit": "/audit",
            "new-ticket": "/tickets/new",
            "new-case": "/cases/new",
            "action": f"/items/{self.attention}-A2",
            **items,
        }


async def create_items(running_stack: RunningStack, *, many: bool = True) -> ScreenshotItems:
    """Start the items, and execute their commands; `many`: with long lists and timelines."""
    items = ScreenshotItems()
    await asyncio.gather(
        _tickets(running_stack, items),
        _case_with_attention(running_stack, items),
        _other_cases(running_stack, items, many=many),
        _long(running_stack, items, entries=300 if many else 3),
        asyncio.to_thread(_audit, running_stack, items, deeds=80 if many else 4),
        *(_waiting_in_queue(running_stack, number) for number in range(6)),
    )
    await _wait_until_stored(
        running_stack, [items.working, items.attention, items.long, items.forty]
    )
    return items


async def _ticket(
    running_stack: RunningStack, reference: str, title: str, category: str, **fields: object
) -> None:
    defaults: dict[str, Any] = {
        "by": "service:intranet",
        "title": title,
        "description": QUESTION,
        "category": category,
        "primary_contact": ADA,
        "requester": ADA,
    }
    await running_stack.ticket(reference, **(defaults | fields))


async def _waiting_in_queue(running_stack: RunningStack, number: int) -> None:
    title = (
        "Which cost centre for the trade fair?",
        "Credit note for returned toner",
        "Invoice without purchase order",
        "Second reminder: rent of the warehouse",
        "New bank account of Fabrikam",
        LONG_TITLE,
    )[number]
    category = "payment-reminder" if number % 2 else "invoice-question"
    await _ticket(running_stack, f"T-4W6X8Y{number}Z", title, category)


async def _tickets(running_stack: RunningStack, items: ScreenshotItems) -> None:
    title = "Reminder for invoice 4711, already paid"
    await _ticket(running_stack, items.working, title, "payment-reminder")
    await running_stack.do(items.working, "start")
    await running_stack.do(
        items.working, "add_note", text="Paid on the third. Treasury sent the payment order."
    )
    await running_stack.do(
        items.working,
        "send_email",
        to=["ada@example.org"],
        subject="Your reminder",
        body="Dear Ada,\n\nwe are looking into it.\n\nAmy",
    )
    now = datetime.now(UTC).isoformat()
    await running_stack.do(
        items.working,
        "receive_email",
        by="service:mailroom",
        message_id="<1@example.org>",
        sender="ada@example.org",
        recipients=["desk@desk.example"],
        subject="Re: Your reminder",
        excerpt="Thank you, Amy. Here is the payment order once more.",
        received_at=now,
    )
    await _ticket(running_stack, items.waiting, "Parental leave from March", "hr-question")
    await running_stack.do(items.waiting, "start")
    await running_stack.do(
        items.waiting,
        "wait",
        type="more_information",
        days_to_wait=5,
        waiting_for="customer",
        close_if_no_response=True,
        reason="needs the birth certificate",
    )
    await _ticket(running_stack, items.resolved, "Where is my invoice of May?", "invoice-question")
    await running_stack.do(items.resolved, "start")
    await running_stack.do(items.resolved, "add_note", text="Sent again by post.", resolution=True)
    await running_stack.do(items.resolved, "resolve", method="customer_response")
    await running_stack.ticket(
        items.draft,
        by="amy",
        title="Badge does not open the garage",
        description="",
        category="hr-question",
        primary_contact=None,
        requester=None,
        submit=False,
    )


async def _case_with_attention(running_stack: RunningStack, items: ScreenshotItems) -> None:
    await running_stack.case(
        items.attention,
        by="service:erp",
        short_description="Pay invoice 4711 of Fabrikam",
        definition="supplier-invoice",
        owner="amy",
        primary_contact=BABBAGE,
        requester=ADA,
        data={"amount": 12_500},
    )
    first, second = f"{items.attention}-A1", f"{items.attention}-A2"
    await running_stack.eventually(second, status="TO_DO")
    await running_stack.do(second, "start", by="amy")
    await running_stack.do(first, "start", by="robot:ocr-1")
    await running_stack.do(
        first,
        "resolve",
        by="robot:ocr-1",
        outcome="unable_to_complete",
        reason="the scan is too pale to read the amount",
    )
    await running_stack.eventually(items.attention, new_information=True)


async def _other_cases(running_stack: RunningStack, items: ScreenshotItems, *, many: bool) -> None:
    await running_stack.case(
        items.paused,
        by="amy",
        short_description="Ada Lovelace begins on 1 December",
        definition="supplier-invoice",
        owner="amy",
        primary_contact=ADA,
        requester=ADA,
    )
    await running_stack.do(
        items.paused,
        "wait",
        type="more_information",
        waiting_for="third party",
        reason="the goods are still at the customs office",
    )
    await running_stack.case(
        items.aborted,
        by="amy",
        short_description="Invoice 4712 of Fabrikam",
        definition="supplier-invoice",
        primary_contact=ADA,
        requester=ADA,
    )
    await running_stack.do(items.aborted, "cancel", reason="the order was withdrawn")
    count = 10 if many else 3
    definition = LARGE_DEFINITION | {
        "steps": [
            {**step, "actions": step["actions"][:count]} for step in LARGE_DEFINITION["steps"]
        ]
    }
    await running_stack.case(
        items.forty,
        by="amy",
        short_description=LONG_TITLE,
        definition=definition,
        owner="amy",
        primary_contact=BABBAGE,
        requester=BABBAGE,
    )
    for number in range(1, count + 1):
        action = f"{items.forty}-A{number}"
        await running_stack.eventually(action, status="TO_DO")
        by = "robot:packer" if number % 4 == 0 else "bob"
        await running_stack.do(action, "start", by=by)
        await running_stack.do(action, "resolve", by=by, outcome="complete")
    await running_stack.eventually(f"{items.forty}-A{count + 1}", status="TO_DO")
    await running_stack.do(f"{items.forty}-A{count + 1}", "start", by="amy")
    await running_stack.do(f"{items.forty}-A{count + 2}", "wait", by="amy", type="more_information")


async def _long(running_stack: RunningStack, items: ScreenshotItems, *, entries: int) -> None:
    await _ticket(
        running_stack, items.long, LONG_TITLE, "payment-reminder", primary_contact=BABBAGE
    )
    await running_stack.do(items.long, "start")
    for number in range(entries):
        text = f"Called again, number {number + 1}: still nobody there. " + (
            LONG_TITLE if number % 7 == 0 else ""
        )
        await running_stack.tell(
            items.long, "add_note", text=text, by="bob" if number % 3 else "amy"
        )
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    await running_stack.do(items.long, "wait", type="until", until=until)
    await running_stack.do(items.long, "resume")


def _audit(running_stack: RunningStack, items: ScreenshotItems, *, deeds: int) -> None:
    """Write entries of sign-ins, commands and refusals to the audit."""
    refused = {
        "outcome": AuditOutcome.REFUSED,
        "rule": "T9",
        "reason": "evidence is missing: " + LONG_TITLE,
    }
    entries: tuple[dict[str, Any], ...] = (
        {"by": "amy", "kind": AuditKind.SIGN_IN, "what": "password", "address": "192.0.2.17"},
        {"by": "amy", "kind": AuditKind.COMMAND, "what": "start", "item": items.working},
        {"by": "amy", "kind": AuditKind.COMMAND, "what": "resolve", "item": items.working}
        | refused,
        {
            "by": "root",
            "kind": AuditKind.KEY,
            "what": "add",
            "about": "service:" + LONG_TITLE.split()[1],
        },
    )
    for number in range(deeds):
        add_entry(running_stack.engine, AuditRow(**entries[number % len(entries)]))


async def _wait_until_stored(running_stack: RunningStack, references: list[str]) -> None:
    async def are_stored() -> None:
        for reference in references:
            row = await asyncio.to_thread(queries.find_item, running_stack.engine, reference)
            state = await running_stack.desk.state(reference)
            assert row is not None
            assert row.state.revision == state["revision"]
            assert row.state.status != Status.DRAFT

    await assert_eventually(are_stored)
