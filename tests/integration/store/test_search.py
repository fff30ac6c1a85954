"""Search: the words that a clerk types, and the items they find."""

from sqlalchemy import Engine

from domain.base.values import Status
from domain.model.items import AnyItem, Note
from store.items.search import SearchResult, search
from store.projection.writer import GroupWriter
from tests.support.publications import (
    action,
    at,
    case,
    make_publication,
    next_version,
    ticket,
    write_all,
)


def references(result: tuple[SearchResult, ...]) -> list[str]:
    return [each.item.reference for each in result]


def noted(item: AnyItem, text: str) -> tuple[Note, ...]:
    return (Note(serial=item.serial, kind="note", text=text),)


FOUND = {
    "invoice": ["T-1"],
    "INVOICE march": ["T-1"],
    "inv mar": ["T-1"],
    "voice": [],
    "invoice april": [],
    "reglee": ["T-2"],
    "réglée": ["T-2"],
    "RÉGLÉE": ["T-2"],
    "l'écriture": ["T-2"],
    "ecriture": ["T-2"],
    "straße": ["T-2"],
    "Привет": ["T-2"],
    "привет": ["T-2"],
    "中文": ["T-2"],
    "4711": ["C-1"],
    "RE-2026/4711": ["C-1"],
    "4711.50": ["C-1"],
    "ann@example.org": ["C-1"],
    "example": ["C-1"],
    "7e97r3b4": ["T-7E97R3B4"],
    "T-7E97R3B4": ["T-7E97R3B4"],
    "t-7e97": ["T-7E97R3B4"],
    "the second line": ["T-1"],
    "***": [],
    '"': [],
    "invoice AND march": [],
    '"invoice" * (march) OR': [],
    "invoice's": ["T-1"],  # "s" begins "second"
    "invoice*": ["T-1"],
    "-invoice": ["T-1"],
    "invoice & | ! :* <-> march": ["T-1"],
}


def test_words_are_found_whatever_their_case_accents_and_signs(
    engine: Engine, writer: GroupWriter
) -> None:
    told = case("C-1", title="Supplier")
    write_all(
        writer.put,
        make_publication(
            ticket("T-1", title="Invoice of March", description="first\nthe second line")
        ),
        make_publication(
            ticket("T-2", title="Facture réglée: l'écriture, Straße", description="Привет 中文")
        ),
        make_publication(ticket("T-7E97R3B4", title="Something else")),
        make_publication(told, notes=noted(told, "Nr. RE-2026/4711.50 von ann@example.org")),
    )
    assert {words: references(search(engine, words)) for words in FOUND} == FOUND


def test_headings_go_before_notes_and_the_given_reference_before_all(
    engine: Engine, writer: GroupWriter
) -> None:
    in_note, named = ticket("T-1", title="Other"), ticket("scanner", title="Another")
    write_all(
        writer.put,
        make_publication(in_note, notes=noted(in_note, "scanner scanner scanner")),
        make_publication(ticket("T-2", title="The scanner is broken")),
        make_publication(named),
    )
    assert references(search(engine, "scanner")) == ["scanner", "T-2", "T-1"]


def test_an_item_is_found_once_and_the_limit_counts_items(
    engine: Engine, writer: GroupWriter
) -> None:
    for number in range(5):
        told = ticket(f"T-{number}", title="printer")
        write_all(writer.put, make_publication(told, notes=noted(told, "printer")))
        told = next_version(told)
        write_all(writer.put, make_publication(told, notes=noted(told, "printer again")))
    assert len(search(engine, "printer")) == 5
    assert len(set(references(search(engine, "printer", limit=3)))) == 3


def test_a_changed_title_is_found_by_its_new_words_only(
    engine: Engine, writer: GroupWriter
) -> None:
    draft = ticket(title="Colour printer", status=Status.DRAFT)
    write_all(writer.put, make_publication(draft))
    write_all(writer.put, make_publication(next_version(draft, title="Label printer")))
    assert search(engine, "colour") == ()
    assert references(search(engine, "label")) == ["T-1"]


def test_closed_items_and_actions_are_found_too_but_no_earlier_run(
    engine: Engine, writer: GroupWriter
) -> None:
    write_all(
        writer.put,
        make_publication(ticket("T-1", run="old", title="stapler of old", status=Status.CLOSED)),
        make_publication(action("C-1-A1", title="stapler", status=Status.CLOSED)),
    )
    assert set(references(search(engine, "stapler"))) == {"T-1", "C-1-A1"}
    write_all(
        writer.put, make_publication(ticket("T-1", run="new", title="lamp", started_at=at(9)))
    )
    assert references(search(engine, "stapler")) == ["C-1-A1"]
    assert references(search(engine, "lamp")) == ["T-1"]


def test_the_excerpt_shows_the_words_in_their_place(engine: Engine, writer: GroupWriter) -> None:
    told = ticket()
    text = "Lorem ipsum dolor.\n" * 500 + "The Réglée part\tis here. " + "Dolor sit amet. " * 500
    write_all(writer.put, make_publication(told, notes=noted(told, text)))
    (result,) = search(engine, "reglee")
    assert "The Réglée part is here." in result.excerpt
    assert result.excerpt.startswith("… ")
    assert result.excerpt.endswith(" …")
    assert len(result.excerpt) < 200
    (result,) = search(engine, "about")
    assert result.excerpt == ""


def test_the_largest_text_is_found_at_its_beginning(engine: Engine, writer: GroupWriter) -> None:
    told = ticket()
    text = " ".join(f"{number:x}쪽" for number in range(60_000))
    assert len(text.encode()) > 400_000
    write_all(writer.put, make_publication(told, notes=noted(told, text)))
    assert references(search(engine, "1f쪽")) == ["T-1"]
    one_word = ticket("T-2")
    write_all(
        writer.put, make_publication(one_word, notes=noted(one_word, "begin " + "x" * 256 * 1024))
    )
    assert references(search(engine, "begin")) == ["T-2"]


def test_the_index_holds_no_text_that_is_gone(engine: Engine, writer: GroupWriter) -> None:
    told = ticket()
    for text in ("wrong text", "right text"):
        write_all(writer.put, make_publication(told, notes=noted(told, text)))
    assert references(search(engine, "right")) == ["T-1"]
    assert search(engine, "wrong") == ()
