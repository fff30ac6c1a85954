"""Reads for an item's page: the newest entries first, with their mails."""

from sqlalchemy import Engine

from domain.model.items import Mail
from store.items.timeline_page import (
    is_mail_of_item,
    load_received_mails,
    load_sent_mails,
    read_newest_entries,
)
from store.mail import attachments
from store.projection.writer import GroupWriter
from store.schema.tables import MailStatus
from tests.integration.store.test_inbound_mail import part, store_mail, with_parts
from tests.support.publications import entry, make_publication, next_version, ticket, write_all


def test_entries_come_newest_first_and_page_by_page(engine: Engine, writer: GroupWriter) -> None:
    first = ticket()
    write_all(writer.put, make_publication(first))
    for number in range(2, 8):
        write_all(
            writer.put,
            make_publication(next_version(first, number, serial=number, revision=number)),
        )
    page = read_newest_entries(engine, "T-1", limit=3)
    assert [entry.serial for entry in page.entries] == [7, 6, 5]
    assert page.before == 5
    following = read_newest_entries(engine, "T-1", before=page.before, limit=10)
    assert [entry.serial for entry in following.entries] == [4, 3, 2, 1]
    assert following.before is None


def test_a_page_that_is_open_is_read_as_far_down_as_it_reaches(
    engine: Engine, writer: GroupWriter
) -> None:
    first = ticket()
    write_all(writer.put, make_publication(first))
    for number in range(2, 8):
        write_all(
            writer.put,
            make_publication(next_version(first, number, serial=number, revision=number)),
        )
    page = read_newest_entries(engine, "T-1", down_to=3, limit=2)
    assert [entry.serial for entry in page.entries] == [7, 6, 5, 4, 3]
    assert page.before == 3
    assert read_newest_entries(engine, "T-1", down_to=1).before is None


def test_an_item_nobody_knows_has_no_entries(engine: Engine) -> None:
    assert read_newest_entries(engine, "T-'; --\0").entries == ()


# M5
def test_mails_out_say_which_change_caused_them_and_what_became_of_them(
    engine: Engine, writer: GroupWriter
) -> None:
    first = ticket()
    mails = [
        Mail(key=f"T-1:{revision}:0", to=("ida@example.org",), subject=f"no. {revision}")
        for revision in (2, 3)
    ]
    write_all(writer.put, make_publication(first))
    for revision, mail in enumerate(mails, 2):
        changed = next_version(first, revision, serial=revision, revision=revision)
        write_all(writer.put, make_publication(changed, mails=(mail,)))
    both = load_sent_mails(engine, "T-1", run=first.run)
    assert [(each.revision, each.subject) for each in both] == [(2, "no. 2"), (3, "no. 3")]
    assert {mail.status for mail in both} == {MailStatus.QUEUED}
    assert [
        mail.revision for mail in load_sent_mails(engine, "T-1", run=first.run, from_serial=3)
    ] == [3]
    assert load_sent_mails(engine, "T-1", run="another") == ()


# M6
def test_a_mail_that_came_in_is_read_with_what_hangs_on_it(
    engine: Engine, writer: GroupWriter
) -> None:
    (mail,) = store_mail(
        engine, with_parts(part("order.pdf", b"%PDF"), part("\u202e.pdf", b"%PDF-2"))
    )
    first = ticket()
    write_all(writer.put, make_publication(first, entries=(entry(first, mail=mail.digest),)))
    found = load_received_mails(engine, [mail.digest, "nothing"])
    assert set(found) == {mail.digest}
    assert found[mail.digest].sender == "ida@example.org"
    names = [attachment.name for attachment in found[mail.digest].attachments]
    assert names == [each.name for each in attachments.list_attachments(engine, mail.digest)]
    assert len(names) == 2
    assert load_received_mails(engine, []) == {}


def test_a_mail_belongs_to_the_items_whose_timeline_tells_of_it(
    engine: Engine, writer: GroupWriter
) -> None:
    (mail,) = store_mail(engine, with_parts(part("order.pdf", b"%PDF")))
    first, other = ticket(), ticket("T-2")
    write_all(
        writer.put,
        make_publication(first, entries=(entry(first, mail=mail.digest),)),
        make_publication(other),
    )
    assert is_mail_of_item(engine, "T-1", mail.digest)
    assert not is_mail_of_item(engine, "T-2", mail.digest)
    assert not is_mail_of_item(engine, "T-1", "nothing")
