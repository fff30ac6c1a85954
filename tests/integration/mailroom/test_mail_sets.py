"""Every mail of the fetched sets on a real stack, and the outcome of each (M1, M2, M4, M7)."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select

from catalog.mailboxes import Mailbox
from mail.parser import parse_mail
from mailroom.acceptance import AcceptanceQueue
from mailroom.delivery import Deliverer
from mailroom.routing import MailRouter, ReceivedMessage, create_router
from store.engine import read_connection
from store.items.queries import find_item
from store.mail import inbound_mail
from store.mail.inbound_mail import InboundMail
from store.schema.tables import InboundMailState, item, mail_in, mail_out
from tests.support.mail_sets import BOUNCES, MAIL_SETS, mails_of
from tests.support.mailrooms import items_with_mail
from tests.support.process_stack import RunningStack, running_stack

COUNTS: Final = Path(__file__).parents[3] / "docs/mail-sets.md"
NO_BOUNCE: Final = "tests/data/groupwise_03.txt"
"""A person's answer that a bounce detector once took for a bounce."""
WAITING: Final = "waiting@desk.example"
BOXES: Final = {name: f"{name.replace('_', '-')}@desk.example" for name in MAIL_SETS}
"""A mailbox for each set: some mails have the same Message-ID in two of them."""
HEADS: Final = ("mails", "known before", "started an item", "on an item", "bounces", "automatic")


@asynccontextmanager
async def filled_stack(
    folder: Path,
) -> AsyncIterator[tuple[RunningStack, MailRouter, Counter[str]]]:
    """Start a stack that has accepted every mail, and count the new mails of each set."""
    mailboxes = {box: Mailbox(ticket=name, acknowledge=True) for name, box in BOXES.items()}
    mailboxes[WAITING] = Mailbox(ticket="waiting")
    async with running_stack(folder, f"sqlite:///{folder / 'casekeep.db'}") as desk:
        reader = create_router(desk.engine, mailboxes)
        new: Counter[str] = Counter()
        for name in MAIL_SETS:
            accepted = await deliver_once(desk, reader, mails_of(name), BOXES[name])
            new[name] = len(accepted)
        yield desk, reader, new


async def deliver_once(
    desk: RunningStack,
    reader: MailRouter,
    mails: Mapping[str, bytes],
    *addresses: str,
    envelope_sender: str | None = None,
) -> list[InboundMail]:
    """Deliver each of these mails once and return those that were new."""
    deliverer = Deliverer(desk.desk, desk.engine, reader)
    acceptance = AcceptanceQueue(
        desk.engine, reader, budget=3, on_accepted=deliverer.start_delivery
    )
    letters = [
        ReceivedMessage(raw=raw, addresses=addresses, envelope_sender=envelope_sender)
        for raw in mails.values()
    ]
    found = await asyncio.gather(*map(acceptance.accept, letters))
    await deliverer.finish()
    acceptance.close()
    return [arrival for each in found for arrival in each]


def stored_by_set(desk: RunningStack) -> dict[str, list[InboundMail]]:
    """Return the stored mails of each set with their outcomes."""
    with read_connection(desk.engine) as connection:
        digests = connection.execute(select(mail_in.c.digest, mail_in.c.desk)).all()
    found = [(row.desk, inbound_mail.find_mail(desk.engine, row.digest)) for row in digests]
    return {
        name: [one for address, one in found if one is not None and address == box]
        for name, box in BOXES.items()
    }


def table_of_counts(desk: RunningStack, new: Mapping[str, int]) -> str:
    """Return the counts as the table of docs/mail-sets.md."""
    lines = [
        "# Real mails, and what becomes of them",
        "",
        "Written by `make sets`, held by the tests: every mail of the sets that",
        "`tests/support/mail_sets.txt` pins, sent to a desk that knows nothing yet. One that",
        "nobody wrote (a bounce, or automatic) and that belongs to no item is a dead letter.",
        "One with the Message-ID of another one to the same desk is that one, known before (M3).",
        "",
        f"| set | {' | '.join(HEADS)} | dead letters |",
        f"|---|{'---|' * (len(HEADS) + 1)}",
    ]
    for name, found in stored_by_set(desk).items():
        whole = len(mails_of(name))
        dead = [each for each in found if each.state is InboundMailState.DEAD]
        started = len({mail.reference for mail in found if mail.state is InboundMailState.HANDLED})
        handled = len(found) - len(dead)
        bounces = sum(mail.bounced is not None for mail in found)
        automatic = sum(mail.automatic is not None for mail in found) - bounces
        counts = (whole, whole - new[name], started, handled - started, bounces, automatic)
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {len(dead)} |")
    return "\n".join([*lines, ""])


@pytest.mark.timeout(240)
@pytest.mark.soak
async def test_every_real_mail_is_on_one_item_or_a_dead_letter_with_a_reason(
    tmp_path: Path,
) -> None:
    """All mails of the sets follow the rules; bounces end no waits (M1, M2, M3, M4, M7, C9)."""
    async with filled_stack(tmp_path) as (desk, reader, new):
        found = stored_by_set(desk)
        for name, mails in found.items():
            assert len(mails) == new[name], name
            for mail in mails:
                if mail.state is InboundMailState.DEAD:
                    assert mail.reason, mail
                    assert items_with_mail(desk, mail.digest) == [], mail
                else:
                    assert mail.state is InboundMailState.HANDLED, mail
                    assert items_with_mail(desk, mail.digest) == [mail.reference], mail

        persons = [each.message_id for each in found[BOUNCES] if each.automatic is None]
        assert persons == [parse_mail(mails_of(BOUNCES)[NO_BOUNCE]).message_id]
        with read_connection(desk.engine) as connection:
            started = select(func.count()).where(item.c.category == BOUNCES)
            assert connection.scalar(started) == len(persons)
            answered = select(func.count()).where(mail_in.c.desk == BOXES[BOUNCES])
            assert connection.scalar(answered.where(mail_in.c.answered)) == len(persons)

        counted = table_of_counts(desk, new)
        assert counted == COUNTS.read_text("utf-8"), "not what docs/mail-sets.md says: `make sets`"
        for name in MAIL_SETS:  # M3: all of them again
            assert await deliver_once(desk, reader, mails_of(name), BOXES[name]) == []
        await assert_bounces_end_no_wait(desk, reader)
        assert await desk.differences() == []


async def assert_bounces_end_no_wait(desk: RunningStack, reader: MailRouter) -> None:
    """Assert that bounces to a waiting Ticket's address are on the Ticket, which still waits."""
    waits = await desk.ticket(category="waiting")
    await desk.do(waits, "wait", type="more_information")
    local, _, domain = WAITING.partition("@")
    address = f"{local}+{waits}@{domain}"
    bounces = {name: raw for name, raw in mails_of(BOUNCES).items() if name != NO_BOUNCE}
    accepted = await deliver_once(desk, reader, bounces, address, envelope_sender="")
    assert accepted
    for each in accepted:
        # a robot that answers is no party to it, and a bounce comes from none
        assert items_with_mail(desk, each.digest) == ([] if each.bounced is None else [waits]), each
    state = await desk.desk.state(waits)
    assert (state["status"], state["new_information"]) == ("WAIT", False)
    with read_connection(desk.engine) as connection:
        to_it = select(func.count()).where(mail_out.c.reference == waits)
        assert connection.scalar(to_it) == 0
    assert find_item(desk.engine, waits) is not None


async def main() -> None:
    """Count the mails again and write the document."""
    with tempfile.TemporaryDirectory() as folder:
        async with filled_stack(Path(folder)) as (desk, _, new):
            counted = table_of_counts(desk, new)
    COUNTS.write_text(counted, "utf-8")
    print(counted)  # noqa: T201 - what it is for


if __name__ == "__main__":
    asyncio.run(main())
