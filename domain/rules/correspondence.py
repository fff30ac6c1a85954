"""Notes, mails and feedback (C13, T4, T9, T12, M5)."""

from datetime import datetime
from typing import Final

from domain.base.fast_replace import replace
from domain.base.refusals import NotAllowed
from domain.base.rules import Rule
from domain.base.sentences import Sentence, say
from domain.base.values import ReopenTrigger, Status, Template, WaitType
from domain.model.commands import AddNote, Feedback, ReceiveEmail, SendAndResolve, SendEmail
from domain.model.internal_messages import Acknowledge, MailFailed
from domain.model.items import AnyItem, Mail, Ticket
from domain.model.proposed_changes import ProposedChange, add_mail, add_to_thread, next_effect_key
from domain.rules.assignment import return_to_owner
from domain.rules.submitting import set_description

MAX_EVIDENCE_MAILS: Final = 20
"""Resolution mails that an item remembers as evidence (T9)."""


def add_note(item: AnyItem, command: AddNote, _at: datetime) -> ProposedChange:
    """Write a note; a resolution note is evidence (T9)."""
    return ProposedChange(
        item=replace(item, evidence=item.evidence or command.resolution),
        note=command.text,
        note_kind="resolution" if command.resolution else "note",
        resolution=command.resolution,
    )


def send_email(item: AnyItem, command: SendEmail, _at: datetime) -> ProposedChange:
    """Queue a mail; from a Draft, also fill an empty title and description (T4)."""
    return queue_mail(item, command, resolution=command.resolution)


def queue_mail(
    item: AnyItem, command: SendEmail | SendAndResolve, *, resolution: bool
) -> ProposedChange:
    """Queue a command's mail, as evidence if it is a resolution mail (M5, T9)."""
    mail = Mail(
        key=next_effect_key(item),
        to=command.to,
        cc=command.cc,
        subject=command.subject,
        body=command.body,
        resolution=resolution,
        template=Template.RESOLUTION if resolution else Template.MESSAGE,
    )
    evidence_mails = (*item.evidence_mails, mail.key) if resolution else item.evidence_mails
    proposal = ProposedChange(
        item=replace(item, evidence_mails=evidence_mails[-MAX_EVIDENCE_MAILS:]),
        reason=f"mail to {', '.join(command.to)}: {command.subject}"[:1000],
        note=command.body or None,
        note_kind="mail" if command.body else None,
        resolution=resolution,
    )
    return add_mail(fill_from_mail(proposal, command), mail)


def fill_from_mail(proposal: ProposedChange, command: SendEmail | SendAndResolve) -> ProposedChange:
    """Fill a Draft Ticket's empty title and description from the mail it sends (T4)."""
    item = proposal.item
    if not isinstance(item, Ticket) or item.status is not Status.DRAFT:
        return proposal
    if not item.title.strip():
        proposal = replace(proposal, item=replace(item, title=command.subject))
    if not item.description.strip() and command.body.strip():
        proposal = set_description(proposal, command.body)
    return proposal


def receive_email(item: AnyItem, command: ReceiveEmail, _at: datetime) -> ProposedChange:
    """Add a mail: it wakes or reopens the item, unless it is automatic (C13, T12, M4)."""
    label = "automatic mail" if command.automatic else "mail"
    return ProposedChange(
        item=item if command.automatic else add_to_thread(wake_by_mail(item), command.message_id),
        reason=f"{label} from {command.sender}: {command.subject}"[:1000],
        note=command.excerpt or None,
        note_kind="mail received" if command.excerpt else None,
        mail=command.stored_as,
    )


def acknowledge(item: AnyItem, command: Acknowledge, _at: datetime) -> ProposedChange:
    """Queue the acknowledgement of a mail; it wakes nothing and is no evidence (M5)."""
    mail = Mail(
        key=next_effect_key(item),
        to=(command.to,),
        subject=item.title,
        template=Template.ACKNOWLEDGEMENT,
        language=command.language or "",
    )
    return add_mail(ProposedChange(item=item, reason=f"acknowledged to {command.to}"), mail)


def on_mail_failed(item: AnyItem, command: MailFailed, _at: datetime) -> ProposedChange:
    """Record a mail that failed: new information, reopened if Resolved, no evidence (M5, T9)."""
    is_own_mail = command.mail.startswith(f"{item.reference}:") and command.run == item.run
    if not is_own_mail:
        sentence = say("mail.not_sent", item=item.noun, mail=command.mail)
        raise NotAllowed(sentence, rule=Rule.M5, fields=("mail",))
    evidence_mails = tuple(key for key in item.evidence_mails if key != command.mail)
    item = replace(item, evidence_mails=evidence_mails)
    is_resolved = item.status is Status.RESOLVED
    item = return_to_owner(item) if is_resolved else replace(item, new_information=True)
    return ProposedChange(item=item, reason=str(describe_failed_mail(command))[:1000])


def describe_failed_mail(command: MailFailed) -> Sentence:
    """Return the sentence about a mail that was not delivered."""
    return say("mail.not_delivered", mail=command.mail, problem=command.reason)


def feedback(item: AnyItem, command: Feedback, _at: datetime) -> ProposedChange:
    """Record feedback: it reopens a Resolved item, else raises new information (T12)."""
    return ProposedChange(
        item=_wake_or_reopen(item, ReopenTrigger.FEEDBACK, None),
        reason=None if command.rating is None else f"rating {command.rating}",
        note=command.comment or None,
        note_kind="feedback" if command.comment else None,
    )


def wake_by_mail(item: AnyItem) -> AnyItem:
    """Return the item after mail from outside: woken, reopened, or raised (C13, T12)."""
    return _wake_or_reopen(item, ReopenTrigger.MAIL, WaitType.MORE_INFORMATION)


def _wake_or_reopen(item: AnyItem, trigger: ReopenTrigger, wakes: WaitType | None) -> AnyItem:
    reopen_on = item.settings.reopen_on
    reopens = item.status is Status.RESOLVED and (reopen_on is None or trigger in reopen_on)
    if reopens or (item.wait is not None and item.wait.type is wakes):
        return return_to_owner(item)
    return replace(item, new_information=True)
