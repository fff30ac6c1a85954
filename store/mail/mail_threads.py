"""Threads of mails: the item that a mail answers, and the addresses that take part in an item."""

from collections.abc import Sequence

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from store.engine import read_session
from store.mail.inbound_mail import mail_digest
from store.mail.outbound_mail import MailKey, find_mails_by_message_id
from store.schema.tables import InboundMailState, ItemRow, MailInRow, MailOutRow

_IS_ALIVE = col(MailInRow.state) != InboundMailState.DEAD
_BY_A_PERSON = col(MailInRow.automatic).is_(None)


def find_item_of_thread(engine: Engine, ids: Sequence[str], *, desk: str) -> str | None:
    """Return the item of the first of these Message-IDs that a mail in or out has (M1).

    A conversation with several mailboxes has an item for each of them: an item of this mailbox
    comes first, in any order of the ids.
    """
    if not ids:
        return None
    digests = [mail_digest(each) for each in ids]
    with read_session(engine) as session:
        items, near = _items_received(session, digests, desk)
        sent = {mail_digest(key[1:-1]): mail for key, mail in _sent(engine, ids).items()}
        ours = {mail.reference for mail in sent.values()}
        near |= _of_this_desk(session, ours, desk)
    items |= {digest: mail.reference for digest, mail in sent.items()}
    found = [items[digest] for digest in digests if digest in items]
    return next((each for each in found if each in near), found[0] if found else None)


def _items_received(
    session: Session, digests: Sequence[str], desk: str
) -> tuple[dict[str, str], set[str]]:
    """Return the items of mails in by the Message-ID's digest, and those of this mailbox."""
    rows = session.exec(
        select(MailInRow.message_digest, MailInRow.reference, MailInRow.desk)
        .where(
            col(MailInRow.message_digest).in_(digests),
            col(MailInRow.reference).is_not(None),
            _IS_ALIVE,
        )
        .order_by(col(MailInRow.received_at), MailInRow.digest)
    ).all()
    # the earliest mail of any mailbox, but rather the latest mail of this mailbox
    anywhere = {digest: item for digest, item, _ in reversed(rows) if item is not None}
    here = {digest: item for digest, item, to in rows if to == desk and item is not None}
    return anywhere | here, set(here.values())


def _of_this_desk(session: Session, references: set[str], desk: str) -> set[str]:
    """Return those of these items that got mail by this mailbox, or by none."""
    rows = session.exec(
        select(MailInRow.reference, MailInRow.desk)
        .where(col(MailInRow.reference).in_(references), _BY_A_PERSON, _IS_ALIVE)
        .distinct()
    ).all()
    by_mail = {item for item, _ in rows}
    return (references - by_mail) | {item for item, to in rows if to == desk and item is not None}


def find_own_mails(engine: Engine, ids: Sequence[str]) -> list[MailKey]:
    """Return the mails out that have these Message-IDs (M5)."""
    return list(_sent(engine, ids).values())


def _sent(engine: Engine, ids: Sequence[str]) -> dict[str, MailKey]:
    # mails out keep their Message-IDs with angle brackets
    return find_mails_by_message_id(engine, [f"<{each}>" for each in ids])


def load_participants(engine: Engine, reference: str) -> frozenset[str] | None:
    """Return the addresses that take part in an item; None if there is no such item (M1)."""
    with read_session(engine) as session:
        state = session.exec(
            select(ItemRow.state).where(ItemRow.reference == reference)
        ).one_or_none()
        if state is None:
            return None
        sent = session.exec(
            select(MailOutRow.to, MailOutRow.cc).where(MailOutRow.reference == reference)
        ).all()
        senders = session.exec(
            select(MailInRow.sender).where(
                MailInRow.reference == reference, _IS_ALIVE, _BY_A_PERSON
            )
        ).all()
    contacts = [(state.get(name) or {}).get("email") for name in ("primary_contact", "requester")]
    recipients = [address for to, cc in sent for address in (*to, *cc)]
    return frozenset(address.lower() for address in (*contacts, *recipients, *senders) if address)
