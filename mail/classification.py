"""Classification of a received mail: a person's, an automatic answer, a bounce, our own (M4)."""

from dataclasses import dataclass

from mail.auto_reply_detection import automatic_header, is_from_list, out_of_office_subject
from mail.bounces import detect_bounce
from mail.headers import to_single_line
from mail.parser import ParsedMail


@dataclass(frozen=True, slots=True, kw_only=True)
class MailClassification:
    """Kind of a received mail, with the reason if no person wrote it."""

    automatic_reason: str | None = None
    """Mark by which the mail was recognised as automatic; None: a person wrote it."""
    is_bounce: bool = False
    is_permanent: bool = False
    """True for a bounce that says that the delivery failed for good."""
    failed_recipients: tuple[str, ...] = ()
    """Addresses that a bounce says were not reached."""
    related_ids: tuple[str, ...] = ()
    """Message-IDs of the mails that a bounce returns, or that an automatic answer answers."""
    is_from_list: bool = False
    """True if a person's mail came by a mailing list: an answer would go to many people."""

    @property
    def is_automatic(self) -> bool:
        """True if the mail neither wakes, reopens or starts an item, nor is answered."""
        return self.automatic_reason is not None


def classify_mail(
    mail: ParsedMail, *, envelope_sender: str | None = None, is_ours: bool = False
) -> MailClassification:
    """Return the kind of a mail.

    `envelope_sender`: empty for a bounce (null sender), None if it is not known.
    `is_ours`: True if the desk signed the mail's Message-ID.
    """
    if is_ours:
        return MailClassification(
            automatic_reason="our own mail, come back", related_ids=(mail.message_id,)
        )
    bounce = detect_bounce(mail, envelope_sender)
    if bounce is not None:
        return MailClassification(
            automatic_reason="bounce",
            is_bounce=True,
            is_permanent=bounce.is_permanent,
            failed_recipients=bounce.failed_recipients,
            related_ids=bounce.returned_ids,
        )
    reason = automatic_header(mail.headers)
    if reason is None and envelope_sender == "":
        reason = "no return path"
    if reason is None:
        reason = out_of_office_subject(mail.subject)
    if reason is None:
        return MailClassification(is_from_list=is_from_list(mail.headers))
    return MailClassification(automatic_reason=to_single_line(reason), related_ids=mail.in_reply_to)
