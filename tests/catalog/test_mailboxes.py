"""Mailboxes in the catalog: the start that a mail to each gives, and their problems (M2, A5)."""

from pathlib import Path

import pytest

from catalog.files import CatalogInvalid
from catalog.loader import SAMPLE_FOLDER, load_catalog
from catalog.mailboxes import Mailbox

CATEGORIES = "billing:\n  queue: invoices\n"
QUEUES = "invoices:\n"
FLOW = "name: errand\nqueue: invoices\nsteps:\n  - key: only\n    actions:\n      - key: run\n"
GOOD = (
    "pay@desk.example:\n  ticket: billing\n  queue: invoices\n  acknowledge: true\n"
    "  language: fr\nflow@desk.example:\n  case: errand\n  parent_first: true\n"
)


def write(folder: Path, mailboxes: str) -> Path:
    (folder / "cases").mkdir()
    (folder / "cases/errand.yaml").write_text(FLOW)
    for name, text in (("categories", CATEGORIES), ("queues", QUEUES), ("mailboxes", mailboxes)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


# M2, A5
def test_a_mailbox_says_what_a_mail_to_it_starts(tmp_path: Path) -> None:
    assert load_catalog(write(tmp_path, GOOD)).mailboxes == {
        "pay@desk.example": Mailbox(
            ticket="billing", queue="invoices", acknowledge=True, language="fr"
        ),
        "flow@desk.example": Mailbox(case="errand", parent_first=True),
    }


def test_the_sample_has_mailboxes_for_tickets_and_for_cases() -> None:
    boxes = load_catalog(SAMPLE_FOLDER).mailboxes.values()
    assert any(mailbox.ticket for mailbox in boxes)
    assert any(mailbox.case and mailbox.parent_first for mailbox in boxes)


# M2
@pytest.mark.parametrize(
    ("mailboxes", "problem"),
    [
        (
            "a@b.example:\n  ticket: biling\n",
            "2: a@b.example.ticket: no category biling; categories.yaml has",
        ),
        (
            "a@b.example:\n  case: erand\n",
            "2: a@b.example.case: no case definition erand; there are errand",
        ),
        (
            "a@b.example:\n  ticket: billing\n  queue: invoice\n",
            "3: a@b.example.queue: unknown queue invoice: list it in queues.yaml, which has ",
        ),
        (
            "a@b.example:\n",
            "1: a@b.example: give either ticket (a category) or case (a definition)",
        ),
        (
            "a@b.example:\n  ticket: billing\n  case: errand\n",
            "2: a@b.example.ticket: give either ticket (a category) or case (a definition)",
        ),
        (
            "a@b.example:\n  ticket: billing\na@b.example:\n  ticket: billing\n",
            "3: a@b.example: ",
        ),
        ("desk:\n  ticket: billing\n", "1: desk: is no mail address in lower case, such as"),
        ("A@b.example:\n  ticket: billing\n", "1: A@b.example: is no mail address in lower case"),
        (
            "a+T-1@b.example:\n  ticket: billing\n",
            "1: a+T-1@b.example: is no mail address in lower case",
        ),
        (
            "a+t-1@b.example:\n  ticket: billing\n",
            "1: a+t-1@b.example: has a plus part, which names items; leave it out",
        ),
        ("a@b.example:\n  ticket: billing\n  langauge: fr\n", "3: a@b.example.langauge: "),
        ("a@b.example:\n  ticket: billing\n  language: de\n", "3: a@b.example.language: "),
        ("a@b.example:\n  ticket: billing\n  acknowledge: 3\n", "3: a@b.example.acknowledge: "),
        ("- a@b.example\n", "1: must be a mapping of "),
    ],
    ids=(
        *("category", "definition", "queue", "neither", "both", "twice", "no host", "capitals"),
        *("capital plus", "plus", "misspelt", "language", "flag", "list"),
    ),
)
def test_what_is_wrong_is_told_with_its_line_and_the_way_out(
    tmp_path: Path, mailboxes: str, problem: str
) -> None:
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(write(tmp_path, mailboxes))
    (message,) = str(refused.value).splitlines()
    assert message.startswith(f"{tmp_path}/mailboxes.yaml:{problem}")
