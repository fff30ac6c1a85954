"""Dialog of a correspondent and the desk by mail, with each mail program, and its transcript.

`make conversations` writes docs/mail-conversations.md; a test repeats the dialogs and compares.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Final

from mail.item_match import split_address
from store.schema.tables import InboundMailState
from tests.support.mail_desks import BILLING, SUPPORT, MailDesk, mail_desk, make_plain_mail
from tests.support.mail_programs import ClientLanguage, ComposedMail, Correspondent, MailProgram
from tests.support.process_stack import assert_eventually

DOCUMENT: Final = Path(__file__).parents[2] / "docs/mail-conversations.md"
SENDERS: Final = {
    SUPPORT: {"name": "Support of the example company"},
    BILLING: {"name": "Billing of the example company", "queues": ["billing"]},
}
PEOPLE: Final = {
    ClientLanguage.EN: "Ida Berg",
    ClientLanguage.FR: "Zoé Lefèvre",
    ClientLanguage.DE: "Jürgen Groß",
}
WORDS: Final = {
    ClientLanguage.EN: {
        "subject": "Invoice of March",
        "asks": "Hello,\n\nwhere is the invoice of March?\n\nIda",
        "adds": "Its number is 4711.\n\nIda",
        "complains": "Thank you, but that is the one of April.\n\nIda",
        "comes late": "I was away. Where is it?\n\nIda",
        "forwards": "Is this one of yours?",
        "forwards answer": "For the record.",
        "asks two": "Hello both,\n\nwho of you has my order?\n\nIda",
        "answers both": "It is number 12, for both of you.\n\nIda",
        "order": "My order",
    },
    ClientLanguage.FR: {
        "subject": "Facture de mars réclamée",
        "asks": "Bonjour,\n\noù est la facture de mars ?\n\nZoé",
        "adds": "Elle porte le numéro 4711.\n\nZoé",
        "complains": "Merci, mais c'est celle d'avril.\n\nZoé",
        "comes late": "J'étais absente. Où est-elle ?\n\nZoé",
        "forwards": "Est-ce l'une des vôtres ?",
        "forwards answer": "Pour mémoire.",
        "asks two": "Bonjour à vous deux,\n\nqui a ma commande ?\n\nZoé",
        "answers both": "C'est le numéro 12, pour vous deux.\n\nZoé",
        "order": "Ma commande",
    },
    ClientLanguage.DE: {
        "subject": "Rechnung für März",
        "asks": "Guten Tag,\n\nwo bleibt die Rechnung für März?\n\nJürgen",
        "adds": "Sie hat die Nummer 4711.\n\nJürgen",
        "complains": "Danke, aber das ist die für April.\n\nJürgen",
        "comes late": "Ich war verreist. Wo ist sie?\n\nJürgen",
        "forwards": "Ist das eine von Ihnen?",
        "forwards answer": "Zur Kenntnis.",
        "asks two": "Guten Tag,\n\nwer von Ihnen hat meine Bestellung?\n\nJürgen",
        "answers both": "Es ist Nummer 12, für Sie beide.\n\nJürgen",
        "order": "Meine Bestellung",
    },
}
INTRODUCTION: Final = """\
# Conversations by mail

Written by `make conversations`; a test repeats them and compares. A correspondent writes to the
desk with each of three mail programs in each of three languages, through a real Postfix, and reads
the desk's mails in a real Dovecot. Each conversation has:

1. a first mail;
2. an answer to its acknowledgement;
3. an answer after the desk resolved the item, which reopens it;
4. an answer after the item was closed, which starts another one;
5. a forwarded mail of a third party, and a forwarded mail of the desk;
6. a mail to two mailboxes of the desk at once, and an answer to both.

Items are called A, B, … in the order in which they start. *Read as* is the text that the item
receives, without what the mail program quoted. *Threads* is how Dovecot groups the correspondent's
mailbox (IMAP `THREAD=REFERENCES`): each mail after the one that it answers, in brackets if several
mails answer the same one.
"""


@dataclass
class TranscriptLine:
    """Row of the transcript: one mail."""

    sender: str
    to: str
    subject: str
    answers: str
    effect: str
    excerpt: str


@dataclass
class MailDialog:
    """Dialog of one correspondent with the desk, and its transcript so far."""

    desk: MailDesk
    correspondent: Correspondent
    lines: list[TranscriptLine] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    replies_seen: int = 0

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.correspondent.tongue]

    async def run(self) -> None:
        """Run the whole dialog, and check the effect of each mail."""
        words, running_stack = self.words, self.desk.running_stack
        first = self.correspondent.new(words["asks"], subject=words["subject"], to=SUPPORT)
        (a,) = await self.send_mail(first)
        (told,) = await self.next_replies(1)

        assert await self.send_mail(self.correspondent.reply(told, words["adds"])) == [a]

        await self.resolve_item(a, "Your invoice", "Here is the invoice.")
        (answer,) = await self.next_replies(1)
        assert await self.send_mail(self.correspondent.reply(answer, words["complains"])) == [a]
        assert (await running_stack.desk.state(a))["status"] == "TO_DO"

        await running_stack.do(
            a,
            "send_email",
            to=self.correspondent.address,
            subject="Which one?",
            body="Which invoice is it?",
        )
        (question,) = await self.next_replies(1)
        days = {"days_to_wait": 1 / 86_400, "close_if_no_response": True}
        await running_stack.do(a, "wait", type="more_information", **days)
        await running_stack.eventually(a, status="CLOSED")
        (b,) = await self.send_mail(self.correspondent.reply(question, words["comes late"]))
        links = (await running_stack.desk.state(b))["links"]
        assert [(link["kind"], link["reference"]) for link in links] == [("follows", a)]
        (again,) = await self.next_replies(1)

        (c,) = await self.send_mail(
            self.correspondent.forward(
                await self.receive_third_party_mail(), words["forwards"], to=SUPPORT
            ),
            forwarded_text="We offer twelve chairs.",
        )
        assert c not in {a, b}
        await self.next_replies(1)
        forwarded = self.correspondent.forward(again, words["forwards answer"], to=SUPPORT)
        assert await self.send_mail(forwarded, forwarded_text=f"Its reference is {b}.") == [b]

        d, e = await self.send_mail(
            self.correspondent.new(
                words["asks two"], subject=words["order"], to=SUPPORT, cc=[BILLING]
            )
        )
        assert len({a, b, c, d, e}) == len(self.items)
        both = await self.next_replies(2)
        mine = next(mail for mail in both if f"+{d}@" in str(mail["reply-to"]))
        reply = self.correspondent.reply(mine, words["answers both"], cc=[BILLING])
        assert await self.send_mail(reply) == [d, e]

    async def send_mail(
        self, mail: ComposedMail, *, forwarded_text: str | None = None
    ) -> list[str]:
        """Send a mail, and return the item that received it, for each desk that it was sent to.

        `forwarded_text`: text of the mail that this one forwards.
        """
        statuses = {item: await self._status(item) for item in self.items}
        known_items = set(self.items)
        await self.desk.host.send(mail.raw, self.correspondent.address, *mail.to, *mail.cc)
        await self.desk.host.append_mail(self.correspondent.address, mail.raw)
        found = [
            await self.desk.arrived(mail.message_id, desk=split_address(address)[0])
            for address in (*mail.to, *mail.cc)
        ]
        for arrival in found:
            assert arrival.state is InboundMailState.HANDLED, arrival.reason
            assert arrival.automatic is None
            if forwarded_text is None:
                assert arrival.excerpt == mail.words
            else:
                assert arrival.excerpt.startswith(mail.words)
                assert forwarded_text in arrival.excerpt
        references = [arrival.reference or "" for arrival in found]
        self.items += [item for item in references if item not in self.items]
        effects = [await self._effect(item, statuses, known_items) for item in references]
        sent = message_from_bytes(mail.raw, policy=default)
        assert isinstance(sent, EmailMessage)
        read = mail.words if forwarded_text is None else f"{mail.words} (and the forwarded mail)"
        self._line(sent, (*mail.to, *mail.cc), "; ".join(effects), read)
        return references

    async def next_replies(self, count: int) -> list[EmailMessage]:
        """Wait for the desk's next mails, and return them in the order of their items."""
        replies: list[EmailMessage] = []

        async def check() -> None:
            mails = await self.desk.host.mails(self.correspondent.address)
            ours = [mail for mail in mails if "@desk.example" in str(mail["from"])]
            replies[:] = ours[self.replies_seen :]
            assert len(replies) == count, self.desk.host.log[-3000:]

        await assert_eventually(check)
        self.replies_seen += count
        replies.sort(key=lambda mail: self.items.index(self._item_of(mail)))
        for mail in replies:
            self._line(
                mail, (self.correspondent.address,), f"from {self._name(self._item_of(mail))}", ""
            )
        return replies

    async def resolve_item(self, item: str, subject: str, body: str) -> None:
        """Answer the correspondent, and resolve the item."""
        await self.desk.running_stack.do(
            item,
            "send_and_resolve",
            method="customer_response",
            to=self.correspondent.address,
            subject=subject,
            body=body,
        )

    async def receive_third_party_mail(self) -> EmailMessage:
        """Store a third party's mail in the correspondent's mailbox, unknown to the desk."""
        raw = make_plain_mail(
            f"carl-{self.correspondent.address}",
            sender="Carl Brandt <carl@example.org>",
            to=self.correspondent.address,
            subject="Offer 12",
            body="We offer twelve chairs.",
        )
        await self.desk.host.append_mail(self.correspondent.address, raw)
        mail = message_from_bytes(raw, policy=default)
        assert isinstance(mail, EmailMessage)
        self._line(mail, (self.correspondent.address,), "not the desk's", "")
        return mail

    async def threads(self) -> str:
        """Return Dovecot's threads of the mailbox, by the numbers of the transcript."""
        mails = await self.desk.host.mails(self.correspondent.address)
        order = [self.ids.index(str(mail["message-id"])) + 1 for mail in mails]
        nodes = parse_threads(await self.desk.host.threads(self.correspondent.address))
        return format_threads(renumber(nodes, order))

    async def _status(self, item: str) -> str:
        return str((await self.desk.running_stack.desk.state(item))["status"])

    async def _effect(self, item: str, statuses: dict[str, str], known_items: set[str]) -> str:
        name = self._name(item)
        if item not in known_items:
            links = (await self.desk.running_stack.desk.state(item))["links"]
            follows = [f", which follows {self._name(link['reference'])}" for link in links]
            return f"starts {name}{''.join(follows)}"
        reopened = statuses[item] == "RESOLVED" and await self._status(item) == "TO_DO"
        return f"{'reopens' if reopened else 'is added to'} {name}"

    def _name(self, item: str) -> str:
        return "ABCDEFGH"[self.items.index(item)]

    def _item_of(self, mail: EmailMessage) -> str:
        found = re.search(r"\[([^\]]+)\]", str(mail["subject"]))
        assert found is not None
        return found[1]

    def _stable(self, text: str) -> str:
        for item in self.items:
            text = text.replace(item, self._name(item))
        return text

    def _line(self, mail: EmailMessage, to: Sequence[str], effect: str, excerpt: str) -> None:
        self.ids.append(str(mail["message-id"]))
        answered = str(mail["in-reply-to"] or "")
        number = str(self.ids.index(answered) + 1) if answered in self.ids else ""
        (sender,) = mail["from"].addresses
        line = TranscriptLine(
            sender=sender.addr_spec,
            to=", ".join(to),
            subject=str(mail["subject"]),
            answers=number,
            effect=effect,
            excerpt=" ".join(excerpt.split()),
        )
        self.lines.append(line)

    async def to_markdown(self) -> str:
        """Return the transcript as a section of the document."""
        rows = [
            "| | from | to | subject | answers | effect | read as |",
            "|---|---|---|---|---|---|---|",
        ]
        for number, line in enumerate(self.lines, 1):
            cells = (line.sender, line.to, line.subject, line.answers, line.effect, line.excerpt)
            text = " | ".join(_cell(self._stable(cell)) for cell in cells)
            rows.append(f"| {number} | {text} |")
        title = f"## {self.correspondent.program.value}, in {self.correspondent.tongue.value}"
        return "\n".join([title, "", *rows, "", f"Threads: `{await self.threads()}`", ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


@dataclass
class ThreadNode:
    """Mail of a thread with its answers; without a number, a mail that is missing."""

    number: int | None
    children: list["ThreadNode"]

    @property
    def first(self) -> int:
        """Smallest number of the node and its children."""
        own = [] if self.number is None else [self.number]
        return min([*own, *(child.first for child in self.children)])


def parse_threads(text: str) -> list[ThreadNode]:
    """Parse the response of the IMAP command THREAD."""
    at = ThreadNode(None, [])
    outer: list[ThreadNode] = []
    tokens = re.findall(r"\(|\)|\d+", text)
    for symbol, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if symbol == ")":
            at = outer.pop()
            continue
        if symbol == "(":
            outer.append(at)
            if following != "(":
                continue  # otherwise the mail that the next ones answer is missing
        node = ThreadNode(int(symbol) if symbol.isdecimal() else None, [])
        at.children.append(node)
        at = node
    return at.children


def renumber(nodes: Sequence[ThreadNode], order: Sequence[int]) -> list[ThreadNode]:
    """Replace mail n by the n-th number of `order`."""
    return [
        ThreadNode(
            None if node.number is None else order[node.number - 1],
            renumber(node.children, order),
        )
        for node in nodes
    ]


def format_threads(nodes: Sequence[ThreadNode]) -> str:
    """Format threads like THREAD, in a stable order."""
    return "".join(f"({_chain(node)})" for node in sorted(nodes, key=lambda node: node.first))


def _chain(node: ThreadNode) -> str:
    own = "" if node.number is None else str(node.number)
    if len(node.children) == 1:
        return f"{own} {_chain(node.children[0])}".strip()
    return f"{own} {format_threads(node.children)}".strip()


async def transcript(folder: Path) -> str:
    """Run all dialogs at once on one desk, and return the document."""
    people = [
        Correspondent(
            PEOPLE[tongue],
            f"{program.name}-{tongue.name}@example.org".lower(),
            program,
            tongue,
        )
        for program in MailProgram
        for tongue in ClientLanguage
    ]
    users = [person.address for person in people]
    async with mail_desk(folder, users, senders=SENDERS, mail_answers=10) as desk:
        dialogs = [MailDialog(desk, person) for person in people]
        await asyncio.gather(*(dialog.run() for dialog in dialogs))
        sections = [await dialog.to_markdown() for dialog in dialogs]
        references = [item for dialog in dialogs for item in dialog.items]
        assert sorted(desk.items()) == sorted(references)
        await desk.running_stack.recovers(references)
    return "\n".join([INTRODUCTION, *sections])


def main() -> int:
    """Write docs/mail-conversations.md."""
    with tempfile.TemporaryDirectory() as folder:
        text = asyncio.run(transcript(Path(folder)))
    DOCUMENT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
