"""A morning at a real desk, to be looked at: every status, every mark, little and far too much."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from domain.base.values import Status
from store.auth.audit import note
from store.items import queries
from store.schema.auth_tables import Audited, AuditRow, Verdict
from tests.support.list_data import LONG
from tests.support.process_stack import RunningStack, assert_eventually

ADA: Final = {"name": "Ada Lovelace", "email": "ada@example.org"}
BABBAGE: Final = {
    "name": "Charles Babbage of the Analytical Engine Company",
    "email": "charles@example.org",
}
FORTY: Final[dict[str, Any]] = {
    "name": "move the head office",
    "queue": "accounts-payable",
    "steps": [
        {
            "key": f"step-{step}",
            "title": title,
            "actions": [
                {
                    "key": f"task-{step}-{number}",
                    "title": LONG if number == 3 else f"{title}: part {number}",
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


WHO: Final = {"lead": "bob", "audit": "ola"}
"""Who is shown a page, where that is not Amy."""


@dataclass(frozen=True, slots=True)
class Morning:
    """The references of what there is to look at."""

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
        """Every page, by what it shows."""
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


async def play(running_stack: RunningStack, *, much: bool = True) -> Morning:
    """Have it happen."""
    morning = Morning()
    await asyncio.gather(
        _tickets(running_stack, morning),
        _case_with_attention(running_stack, morning),
        _other_cases(running_stack, morning, much=much),
        _long(running_stack, morning, entries=300 if much else 3),
        asyncio.to_thread(_audit, running_stack, morning, deeds=80 if much else 4),
        *(_waiting_in_queue(running_stack, number) for number in range(6)),
    )
    await _kept(running_stack, [morning.working, morning.attention, morning.long, morning.forty])
    return morning


async def _ticket(
    running_stack: RunningStack, reference: str, title: str, category: str, **fields: object
) -> None:
    given: dict[str, Any] = {
        "by": "service:intranet",
        "title": title,
        "description": QUESTION,
        "category": category,
        "primary_contact": ADA,
        "requester": ADA,
    }
    await running_stack.ticket(reference, **(given | fields))


async def _waiting_in_queue(running_stack: RunningStack, number: int) -> None:
    title = (
        "Which cost centre for the trade fair?",
        "Credit note for returned toner",
        "Invoice without purchase order",
        "Second reminder: rent of the warehouse",
        "New bank account of Fabrikam",
        LONG,
    )[number]
    category = "payment-reminder" if number % 2 else "invoice-question"
    await _ticket(running_stack, f"T-4W6X8Y{number}Z", title, category)


async def _tickets(running_stack: RunningStack, morning: Morning) -> None:
    title = "Reminder for invoice 4711, already paid"
    await _ticket(running_stack, morning.working, title, "payment-reminder")
    await running_stack.do(morning.working, "start")
    await running_stack.do(
        morning.working, "add_note", text="Paid on the third. Treasury sent the payment order."
    )
    await running_stack.do(
        morning.working,
        "send_email",
        to=["ada@example.org"],
        subject="Your reminder",
        body="Dear Ada,\n\nwe are looking into it.\n\nAmy",
    )
    now = datetime.now(UTC).isoformat()
    await running_stack.do(
        morning.working,
        "receive_email",
        by="service:mailroom",
        message_id="<1@example.org>",
        sender="ada@example.org",
        recipients=["desk@desk.example"],
        subject="Re: Your reminder",
        excerpt="Thank you, Amy. Here is the payment order once more.",
        received_at=now,
    )
    await _ticket(running_stack, morning.waiting, "Parental leave from March", "hr-question")
    await running_stack.do(morning.waiting, "start")
    await running_stack.do(
        morning.waiting,
        "wait",
        type="more_information",
        days_to_wait=5,
        waiting_for="customer",
        close_if_no_response=True,
        reason="needs the birth certificate",
    )
    await _ticket(
        running_stack, morning.resolved, "Where is my invoice of May?", "invoice-question"
    )
    await running_stack.do(morning.resolved, "start")
    await running_stack.do(
        morning.resolved, "add_note", text="Sent again by post.", resolution=True
    )
    await running_stack.do(morning.resolved, "resolve", method="customer_response")
    await running_stack.ticket(
        morning.draft,
        by="amy",
        title="Badge does not open the garage",
        description="",
        category="hr-question",
        primary_contact=None,
        requester=None,
        submit=False,
    )


async def _case_with_attention(running_stack: RunningStack, morning: Morning) -> None:
    await running_stack.case(
        morning.attention,
        by="service:erp",
        short_description="Pay invoice 4711 of Fabrikam",
        definition="supplier-invoice",
        owner="amy",
        primary_contact=BABBAGE,
        requester=ADA,
        data={"amount": 12_500},
    )
    first, second = f"{morning.attention}-A1", f"{morning.attention}-A2"
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
    await running_stack.eventually(morning.attention, new_information=True)


async def _other_cases(running_stack: RunningStack, morning: Morning, *, much: bool) -> None:
    await running_stack.case(
        morning.paused,
        by="amy",
        short_description="Ada Lovelace begins on 1 December",
        definition="supplier-invoice",
        owner="amy",
        primary_contact=ADA,
        requester=ADA,
    )
    await running_stack.do(
        morning.paused,
        "wait",
        type="more_information",
        waiting_for="third party",
        reason="the goods are still at the customs office",
    )
    await running_stack.case(
        morning.aborted,
        by="amy",
        short_description="Invoice 4712 of Fabrikam",
        definition="supplier-invoice",
        primary_contact=ADA,
        requester=ADA,
    )
    await running_stack.do(morning.aborted, "cancel", reason="the order was withdrawn")
    many = 10 if much else 3
    definition = FORTY | {
        "steps": [{**step, "actions": step["actions"][:many]} for step in FORTY["steps"]]
    }
    await running_stack.case(
        morning.forty,
        by="amy",
        short_description=LONG,
        definition=definition,
        owner="amy",
        primary_contact=BABBAGE,
        requester=BABBAGE,
    )
    for number in range(1, many + 1):
        action = f"{morning.forty}-A{number}"
        await running_stack.eventually(action, status="TO_DO")
        by = "robot:packer" if number % 4 == 0 else "bob"
        await running_stack.do(action, "start", by=by)
        await running_stack.do(action, "resolve", by=by, outcome="complete")
    await running_stack.eventually(f"{morning.forty}-A{many + 1}", status="TO_DO")
    await running_stack.do(f"{morning.forty}-A{many + 1}", "start", by="amy")
    await running_stack.do(
        f"{morning.forty}-A{many + 2}", "wait", by="amy", type="more_information"
    )


async def _long(running_stack: RunningStack, morning: Morning, *, entries: int) -> None:
    await _ticket(running_stack, morning.long, LONG, "payment-reminder", primary_contact=BABBAGE)
    await running_stack.do(morning.long, "start")
    for number in range(entries):
        text = f"Called again, number {number + 1}: still nobody there. " + (
            LONG if number % 7 == 0 else ""
        )
        await running_stack.tell(
            morning.long, "add_note", text=text, by="bob" if number % 3 else "amy"
        )
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    await running_stack.do(morning.long, "wait", type="until", until=until)
    await running_stack.do(morning.long, "resume")


def _audit(running_stack: RunningStack, morning: Morning, *, deeds: int) -> None:
    """What the doors would have noted."""
    refused = {"outcome": Verdict.REFUSED, "rule": "T9", "reason": "evidence is missing: " + LONG}
    noted: tuple[dict[str, Any], ...] = (
        {"by": "amy", "kind": Audited.SIGN_IN, "what": "password", "address": "192.0.2.17"},
        {"by": "amy", "kind": Audited.COMMAND, "what": "start", "item": morning.working},
        {"by": "amy", "kind": Audited.COMMAND, "what": "resolve", "item": morning.working}
        | refused,
        {"by": "root", "kind": Audited.KEY, "what": "add", "about": "service:" + LONG.split()[1]},
    )
    for number in range(deeds):
        note(running_stack.engine, AuditRow(**noted[number % len(noted)]))


async def _kept(running_stack: RunningStack, references: list[str]) -> None:
    async def are_kept() -> None:
        for reference in references:
            row = await asyncio.to_thread(queries.item_of, running_stack.engine, reference)
            state = await running_stack.desk.state(reference)
            assert row is not None
            assert row.state.revision == state["revision"]
            assert row.state.status != Status.DRAFT

    await assert_eventually(are_kept)
