"""Every mail of the fetched sets on a real desk, and what became of each (M1, M2, M4, M7)."""

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
"""A person's answer, which a detector of bounces once stumbled over."""
WAITING: Final = "waiting@desk.example"
BOXES: Final = {name: f"{name.replace('_', '-')}@desk.example" for name in MAIL_SETS}
"""A mailbox for each set: some mails have the same Message-ID in two of them."""
HEADS: Final = ("mails", "known before", "started an item", "on an item", "bounces", "automatic")


@asynccontextmanager
async def filled(folder: Path) -> AsyncIterator[tuple[RunningStack, MailRouter, Counter[str]]]:
    """A desk that has taken in all of them, and how many of each set were not there before."""
    mailboxes = {box: Mailbox(ticket=name, acknowledge=True) for name, box in BOXES.items()}
    mailboxes[WAITING] = Mailbox(ticket="waiting")
    async with running_stack(folder, f"sqlite:///{folder / 'casekeep.db'}") as desk:
        reader = create_router(desk.engine, mailboxes)
        new: Counter[str] = Counter()
        for name in MAIL_SETS:
            accepted = await taken(desk, reader, mails_of(name), BOXES[name])
            new[name] = len(accepted)
        yield desk, reader, new


async def taken(
    desk: RunningStack,
    reader: MailRouter,
    mails: Mapping[str, bytes],
    *addresses: str,
    envelope_sender: str | None = None,
) -> list[InboundMail]:
    """These mails once each is where it belongs; those that were not there before."""
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


def arrived(desk: RunningStack) -> dict[str, list[InboundMail]]:
    """What the store has of each set, as it ended."""
    with read_connection(desk.engine) as connection:
        digests = connection.execute(select(mail_in.c.digest, mail_in.c.desk)).all()
    found = [(row.desk, inbound_mail.find_mail(desk.engine, row.digest)) for row in digests]
    return {
        name: [one for address, one in found if one is not None and address == box]
        for name, box in BOXES.items()
    }


def table_of(desk: RunningStack, new: Mapping[str, int]) -> str:
    """The counts, as docs/mail-sets.md has them."""
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
    for name, found in arrived(desk).items():
        whole = len(mails_of(name))
        dead = [one for one in found if one.state is InboundMailState.DEAD]
        started = len({one.reference for one in found if one.state is InboundMailState.HANDLED})
        handled = len(found) - len(dead)
        bounces = sum(one.bounced is not None for one in found)
        automatic = sum(one.automatic is not None for one in found) - bounces
        counts = (whole, whole - new[name], started, handled - started, bounces, automatic)
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {len(dead)} |")
    return "\n".join([*lines, ""])


@pytest.mark.timeout(240)
@pytest.mark.soak
async def test_every_real_mail_is_on_one_item_or_a_dead_letter_with_a_reason(
    tmp_path: Path,
) -> None:
    """M1, M2, M3, M4, M7; and C9: bounces for an item that waits, or is resolved, wake it not."""
    async with filled(tmp_path) as (desk, reader, new):
        found = arrived(desk)
        for name, mails in found.items():
            assert len(mails) == new[name], name
            for one in mails:
                if one.state is InboundMailState.DEAD:
                    assert one.reason, one
                    assert items_with_mail(desk, one.digest) == [], one
                else:
                    assert one.state is InboundMailState.HANDLED, one
                    assert items_with_mail(desk, one.digest) == [one.reference], one

        persons = [one.message_id for one in found[BOUNCES] if one.automatic is None]
        assert persons == [parse_mail(mails_of(BOUNCES)[NO_BOUNCE]).message_id]
        with read_connection(desk.engine) as connection:
            started = select(func.count()).where(item.c.category == BOUNCES)
            assert connection.scalar(started) == len(persons)
            answered = select(func.count()).where(mail_in.c.desk == BOXES[BOUNCES])
            assert connection.scalar(answered.where(mail_in.c.answered)) == len(persons)

        counted = table_of(desk, new)
        assert counted == COUNTS.read_text("utf-8"), "not what docs/mail-sets.md says: `make sets`"
        for name in MAIL_SETS:  # M3: all of them again
            assert await taken(desk, reader, mails_of(name), BOXES[name]) == []
        await bounces_wake_nothing(desk, reader)
        assert await desk.differences() == []


async def bounces_wake_nothing(desk: RunningStack, reader: MailRouter) -> None:
    """All bounces, sent to the address of a Ticket that waits, are on it, and it still waits."""
    waits = await desk.ticket(category="waiting")
    await desk.do(waits, "wait", type="more_information")
    local, _, domain = WAITING.partition("@")
    address = f"{local}+{waits}@{domain}"
    bounces = {name: raw for name, raw in mails_of(BOUNCES).items() if name != NO_BOUNCE}
    accepted = await taken(desk, reader, bounces, address, envelope_sender="")
    assert accepted
    for one in accepted:
        # a robot that answers is no party to it, and a bounce comes from none
        assert items_with_mail(desk, one.digest) == ([] if one.bounced is None else [waits]), one
    state = await desk.desk.state(waits)
    assert (state["status"], state["new_information"]) == ("WAIT", False)
    with read_connection(desk.engine) as connection:
        to_it = select(func.count()).where(mail_out.c.reference == waits)
        assert connection.scalar(to_it) == 0
    assert find_item(desk.engine, waits) is not None


async def main() -> None:
    """Count them once more, and write it down."""
    with tempfile.TemporaryDirectory() as folder:
        async with filled(Path(folder)) as (desk, _, new):
            counted = table_of(desk, new)
    COUNTS.write_text(counted, "utf-8")
    print(counted)  # noqa: T201 - what it is for


if __name__ == "__main__":
    asyncio.run(main())
