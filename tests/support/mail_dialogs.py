"""One conversation by mail, as each program writes it, and its transcript.

`make conversations` writes docs/mail-conversations.md; a test plays it again and compares.
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
from tests.support.mail_desks import BILLING, SUPPORT, MailDesk, mail_desk, plain
from tests.support.mail_programs import ClientLanguage, Correspondent, Program, Written
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
        "hands on": "For the record.",
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
        "hands on": "Pour mémoire.",
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
        "hands on": "Zur Kenntnis.",
        "asks two": "Guten Tag,\n\nwer von Ihnen hat meine Bestellung?\n\nJürgen",
        "answers both": "Es ist Nummer 12, für Sie beide.\n\nJürgen",
        "order": "Meine Bestellung",
    },
}
INTRODUCTION: Final = """\
# Conversations by mail

Written by `make conversations`; a test plays them again and compares. Somebody writes to the desk
with each of three programs, set to each of three languages, through a real Postfix, and finds the
desk's mails in a real Dovecot: a first mail; an answer to its acknowledgement; an answer after the
desk resolved, which reopens; an answer after the item was closed, which starts another one; a mail
of somebody else's, handed on; one of the desk's, handed on; a mail to two desks at once, and an
answer to both.

Items are A, B, … in the order in which they start. *Read as* is what the item carries of the mail,
without what the program quoted. *Threads* is how Dovecot groups the mailbox of whoever wrote (IMAP
`THREAD=REFERENCES`): each mail behind the one that it answers, in brackets where there are several.
"""


@dataclass
class Line:
    """A mail of the transcript."""

    sender: str
    to: str
    subject: str
    answers: str
    effect: str
    excerpt: str


@dataclass
class Conversation:
    """Somebody's, with the desk."""

    desk: MailDesk
    who: Correspondent
    lines: list[Line] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    heard: int = 0

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.who.tongue]

    async def play(self) -> None:
        """All of it, with what has to come of each mail."""
        words, running_stack = self.words, self.desk.running_stack
        first = self.who.new(words["asks"], subject=words["subject"], to=SUPPORT)
        (a,) = await self.writes(first)
        (told,) = await self.hears(1)

        assert await self.writes(self.who.reply(told, words["adds"])) == [a]

        await self.resolves(a, "Your invoice", "Here is the invoice.")
        (answer,) = await self.hears(1)
        assert await self.writes(self.who.reply(answer, words["complains"])) == [a]
        assert (await running_stack.desk.state(a))["status"] == "TO_DO"

        await running_stack.do(
            a, "send_email", to=self.who.address, subject="Which one?", body="Which invoice is it?"
        )
        (question,) = await self.hears(1)
        days = {"days_to_wait": 1 / 86_400, "close_if_no_response": True}
        await running_stack.do(a, "wait", type="more_information", **days)
        await running_stack.eventually(a, status="CLOSED")
        (b,) = await self.writes(self.who.reply(question, words["comes late"]))
        links = (await running_stack.desk.state(b))["links"]
        assert [(one["kind"], one["reference"]) for one in links] == [("follows", a)]
        (again,) = await self.hears(1)

        (c,) = await self.writes(
            self.who.forward(await self.stranger(), words["forwards"], to=SUPPORT),
            hands_on="We offer twelve chairs.",
        )
        assert c not in {a, b}
        await self.hears(1)
        forwarded = self.who.forward(again, words["hands on"], to=SUPPORT)
        assert await self.writes(forwarded, hands_on=f"Its reference is {b}.") == [b]

        d, e = await self.writes(
            self.who.new(words["asks two"], subject=words["order"], to=SUPPORT, cc=[BILLING])
        )
        assert len({a, b, c, d, e}) == len(self.items)
        both = await self.hears(2)
        mine = next(mail for mail in both if f"+{d}@" in str(mail["reply-to"]))
        reply = self.who.reply(mine, words["answers both"], cc=[BILLING])
        assert await self.writes(reply) == [d, e]

    async def writes(self, mail: Written, *, hands_on: str | None = None) -> list[str]:
        """Send a mail; the item that it is on, of each desk that it went to.

        `hands_on`: what another mail says, which this one hands on.
        """
        before = {one: await self._status(one) for one in self.items}
        known = set(self.items)
        await self.desk.host.send(mail.raw, self.who.address, *mail.to, *mail.cc)
        await self.desk.host.keep(self.who.address, mail.raw)
        found = [
            await self.desk.arrived(mail.message_id, desk=split_address(address)[0])
            for address in (*mail.to, *mail.cc)
        ]
        for one in found:
            assert one.state is InboundMailState.HANDLED, one.reason
            assert one.automatic is None
            if hands_on is None:
                assert one.excerpt == mail.words
            else:
                assert one.excerpt.startswith(mail.words)
                assert hands_on in one.excerpt
        references = [one.reference or "" for one in found]
        self.items += [one for one in references if one not in self.items]
        effects = [await self._effect(one, before, known) for one in references]
        sent = message_from_bytes(mail.raw, policy=default)
        assert isinstance(sent, EmailMessage)
        read = mail.words if hands_on is None else f"{mail.words} (and the mail handed on)"
        self._line(sent, (*mail.to, *mail.cc), "; ".join(effects), read)
        return references

    async def hears(self, count: int) -> list[EmailMessage]:
        """The desk's next mails, once they are in the mailbox; as the items began."""
        fresh: list[EmailMessage] = []

        async def check() -> None:
            mails = await self.desk.host.mails(self.who.address)
            ours = [one for one in mails if "@desk.example" in str(one["from"])]
            fresh[:] = ours[self.heard :]
            assert len(fresh) == count, self.desk.host.log[-3000:]

        await assert_eventually(check)
        self.heard += count
        fresh.sort(key=lambda one: self.items.index(self._item_of(one)))
        for mail in fresh:
            self._line(mail, (self.who.address,), f"from {self._name(self._item_of(mail))}", "")
        return fresh

    async def resolves(self, item: str, subject: str, body: str) -> None:
        """The desk answers, and is done."""
        await self.desk.running_stack.do(
            item,
            "send_and_resolve",
            method="customer_response",
            to=self.who.address,
            subject=subject,
            body=body,
        )

    async def stranger(self) -> EmailMessage:
        """Somebody else's mail to whoever writes, of which the desk knows nothing."""
        raw = plain(
            f"carl-{self.who.address}",
            sender="Carl Brandt <carl@example.org>",
            to=self.who.address,
            subject="Offer 12",
            body="We offer twelve chairs.",
        )
        await self.desk.host.keep(self.who.address, raw)
        mail = message_from_bytes(raw, policy=default)
        assert isinstance(mail, EmailMessage)
        self._line(mail, (self.who.address,), "not the desk's", "")
        return mail

    async def threads(self) -> str:
        """How Dovecot groups the mails, by their numbers in the transcript."""
        mails = await self.desk.host.mails(self.who.address)
        order = [self.ids.index(str(mail["message-id"])) + 1 for mail in mails]
        nodes = threads_in(await self.desk.host.threads(self.who.address))
        return shown(renumbered(nodes, order))

    async def _status(self, item: str) -> str:
        return str((await self.desk.running_stack.desk.state(item))["status"])

    async def _effect(self, item: str, before: dict[str, str], known: set[str]) -> str:
        name = self._name(item)
        if item not in known:
            links = (await self.desk.running_stack.desk.state(item))["links"]
            after = [f", which follows {self._name(one['reference'])}" for one in links]
            return f"starts {name}{''.join(after)}"
        reopened = before[item] == "RESOLVED" and await self._status(item) == "TO_DO"
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
        line = Line(
            sender=sender.addr_spec,
            to=", ".join(to),
            subject=str(mail["subject"]),
            answers=number,
            effect=effect,
            excerpt=" ".join(excerpt.split()),
        )
        self.lines.append(line)

    async def told(self) -> str:
        """The conversation as a section of the document."""
        rows = [
            "| | from | to | subject | answers | effect | read as |",
            "|---|---|---|---|---|---|---|",
        ]
        for number, line in enumerate(self.lines, 1):
            cells = (line.sender, line.to, line.subject, line.answers, line.effect, line.excerpt)
            text = " | ".join(_cell(self._stable(cell)) for cell in cells)
            rows.append(f"| {number} | {text} |")
        title = f"## {self.who.program.value}, in {self.who.tongue.value}"
        return "\n".join([title, "", *rows, "", f"Threads: `{await self.threads()}`", ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


@dataclass
class Node:
    """A mail among those that answer it; without a number, one that is not there."""

    number: int | None
    children: list["Node"]

    @property
    def first(self) -> int:
        """The smallest number in it."""
        own = [] if self.number is None else [self.number]
        return min([*own, *(child.first for child in self.children)])


def threads_in(text: str) -> list[Node]:
    """What THREAD answers, read."""
    at = Node(None, [])
    outer: list[Node] = []
    tokens = re.findall(r"\(|\)|\d+", text)
    for sign, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if sign == ")":
            at = outer.pop()
            continue
        if sign == "(":
            outer.append(at)
            if following != "(":
                continue  # else what its mails answer is not there
        node = Node(int(sign) if sign.isdecimal() else None, [])
        at.children.append(node)
        at = node
    return at.children


def renumbered(nodes: Sequence[Node], order: Sequence[int]) -> list[Node]:
    """The same by other numbers."""
    return [
        Node(
            None if node.number is None else order[node.number - 1],
            renumbered(node.children, order),
        )
        for node in nodes
    ]


def shown(nodes: Sequence[Node]) -> str:
    """As THREAD answers, but the same whatever comes first by chance."""
    return "".join(f"({_chain(node)})" for node in sorted(nodes, key=lambda node: node.first))


def _chain(node: Node) -> str:
    own = "" if node.number is None else str(node.number)
    if len(node.children) == 1:
        return f"{own} {_chain(node.children[0])}".strip()
    return f"{own} {shown(node.children)}".strip()


async def transcript(folder: Path) -> str:
    """All conversations, played at once on one desk; and what is written of them."""
    people = [
        Correspondent(
            PEOPLE[tongue],
            f"{program.name}-{tongue.name}@example.org".lower(),
            program,
            tongue,
        )
        for program in Program
        for tongue in ClientLanguage
    ]
    users = [one.address for one in people]
    async with mail_desk(folder, users, senders=SENDERS, mail_answers=10) as desk:
        conversations = [Conversation(desk, one) for one in people]
        await asyncio.gather(*(one.play() for one in conversations))
        sections = [await one.told() for one in conversations]
        references = [item for one in conversations for item in one.items]
        assert sorted(desk.items()) == sorted(references)
        await desk.running_stack.recovers(references)
    return "\n".join([INTRODUCTION, *sections])


def main() -> int:
    """Write the document."""
    with tempfile.TemporaryDirectory() as folder:
        text = asyncio.run(transcript(Path(folder)))
    DOCUMENT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
