"""Notes, mails and feedback (C13, T4, T9, T12, M5)."""

from datetime import datetime
from typing import Final

from domain.base.fast_replace import replace
from domain.base.refusals import NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import Sentence, say
from domain.base.values import ReopensOn, Status, Template, WaitType
from domain.model.commands import AddNote, Feedback, ReceiveEmail, SendAndResolve, SendEmail
from domain.model.internal_messages import Acknowledge, MailFailed
from domain.model.items import AnyItem, Mail, Ticket
from domain.model.proposed_changes import Move, key_for, mailing, threaded
from domain.rules.assignment import come_back
from domain.rules.submitting import described

KEPT_PROOFS: Final = 20
"""T9: resolution mails that an item tells apart; one that did not fail is enough."""


def add_note(item: AnyItem, command: AddNote, _at: datetime) -> Move:
    """Write a note; a resolution note is evidence (T9)."""
    return Move(
        item=replace(item, evidence=item.evidence or command.resolution),
        note=command.text,
        kept_as="resolution" if command.resolution else "note",
        resolution=command.resolution,
    )


def send_email(item: AnyItem, command: SendEmail, _at: datetime) -> Move:
    """Queue a mail; from a Draft it fills the title and description that are empty (T4)."""
    return sent(item, command, resolution=command.resolution)


def sent(item: AnyItem, command: SendEmail | SendAndResolve, *, resolution: bool) -> Move:
    """The move that queues a command's mail and takes it as evidence where it resolves (T9)."""
    mail = Mail(
        key=key_for(item),
        to=command.to,
        cc=command.cc,
        subject=command.subject,
        body=command.body,
        resolution=resolution,
        template=Template.RESOLUTION if resolution else Template.MESSAGE,
    )
    proofs = (*item.evidence_mails, mail.key) if resolution else item.evidence_mails
    move = Move(
        item=replace(item, evidence_mails=proofs[-KEPT_PROOFS:]),
        reason=f"mail to {', '.join(command.to)}: {command.subject}"[:1000],
        note=command.body or None,
        kept_as="mail" if command.body else None,
        resolution=resolution,
    )
    return mailing(filled(move, command), mail)


def filled(move: Move, command: SendEmail | SendAndResolve) -> Move:
    """T4: a Draft Ticket's empty title and description, taken from the mail it sends."""
    item = move.item
    if not isinstance(item, Ticket) or item.status is not Status.DRAFT:
        return move
    if not item.title.strip():
        move = replace(move, item=replace(item, title=command.subject))
    if not item.description.strip() and command.body.strip():
        move = described(move, command.body)
    return move


def receive_email(item: AnyItem, command: ReceiveEmail, _at: datetime) -> Move:
    """C13, T12: an answer ends a wait for it, or reopens; automatic mail is recorded (M4)."""
    what = "automatic mail" if command.automatic else "mail"
    return Move(
        item=item if command.automatic else threaded(heard(item), command.message_id),
        reason=f"{what} from {command.sender}: {command.subject}"[:1000],
        note=command.excerpt or None,
        kept_as="mail received" if command.excerpt else None,
        mail=command.stored_as,
    )


def acknowledge(item: AnyItem, command: Acknowledge, _at: datetime) -> Move:
    """M5: tell who wrote that it arrived; it wakes nothing and counts as no evidence."""
    mail = Mail(
        key=key_for(item),
        to=(command.to,),
        subject=item.title,
        template=Template.ACKNOWLEDGEMENT,
        language=command.language or "",
    )
    return mailing(Move(item=item, reason=f"acknowledged to {command.to}"), mail)


def mail_failed(item: AnyItem, command: MailFailed, _at: datetime) -> Move:
    """M5, T9: raised, reopened within the window; the mail is no evidence any more."""
    sent_by_it = command.mail.startswith(f"{item.reference}:") and command.run == item.run
    if not sent_by_it:
        sentence = say("mail.not_sent", item=item.noun, mail=command.mail)
        raise NotAllowed(sentence, rule=Rule.M5, fields=("mail",))
    proofs = tuple(key for key in item.evidence_mails if key != command.mail)
    item = replace(item, evidence_mails=proofs)
    resolved = item.status is Status.RESOLVED
    item = come_back(item) if resolved else replace(item, new_information=True)
    return Move(item=item, reason=str(told_failed(command))[:1000])


def told_failed(command: MailFailed) -> Sentence:
    """How a timeline names a mail that did not arrive."""
    return say("mail.not_delivered", mail=command.mail, problem=command.reason)


def feedback(item: AnyItem, command: Feedback, _at: datetime) -> Move:
    """T12: feedback within the window reopens; at other times it is recorded and raised."""
    return Move(
        item=_heard(item, ReopensOn.FEEDBACK, None),
        reason=None if command.rating is None else f"rating {command.rating}",
        note=command.comment or None,
        kept_as="feedback" if command.comment else None,
    )


def heard(item: AnyItem) -> AnyItem:
    """C13, T12: the item, as a mail from outside leaves it: woken, reopened, or raised."""
    return _heard(item, ReopensOn.MAIL, WaitType.MORE_INFORMATION)


def _heard(item: AnyItem, what: ReopensOn, wakes: WaitType | None) -> AnyItem:
    reopen_on = item.settings.reopen_on
    reopens = item.status is Status.RESOLVED and (reopen_on is None or what in reopen_on)
    if reopens or (item.wait is not None and item.wait.type is wakes):
        return come_back(item)
    return replace(item, new_information=True)
