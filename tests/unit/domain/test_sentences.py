"""Sentences of refusals and their keys, and the classes that callers tell refusals apart by."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from pydantic import JsonValue

from domain.base.fast_replace import replace
from domain.base.refusals import (
    REASONS,
    CommandIdReused,
    Conflict,
    EvidenceMissing,
    HeldByAnother,
    InvalidCommand,
    ItemClosed,
    NotAllowed,
    Refused,
    refusal_class,
)
from domain.base.rules import Rule
from domain.base.sentences import TEMPLATES, Sentence, noun_of, say, sentence_from
from domain.base.values import Kind
from tests.support.builders import ticket

PROJECT = Path(__file__).parents[3]
ROOMS = ("domain", "workflows", "starter")
REFUSALS: set[type[Refused]] = {Refused, *Refused.__subclasses__()}
for above in (InvalidCommand, NotAllowed):
    REFUSALS |= set(above.__subclasses__())
NAMED = sorted(REFUSALS - {Refused}, key=lambda refusal: refusal.__name__)


def modules(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules of these rooms."""
    for room in rooms:
        for path in sorted((PROJECT / room).rglob("*.py")):
            yield path.relative_to(PROJECT).as_posix(), ast.parse(path.read_text())


def is_saying(tree: ast.Module) -> bool:
    """Tell whether a module says sentences of refusals; pages have words of their own."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "domain.base.sentences"
        and any(name.name == "say" for name in node.names)
        for node in ast.walk(tree)
    )


def said() -> Iterator[tuple[str, str, set[str]]]:
    """Yield each place where a sentence is said, its key and the names of its parameters."""
    for path, tree in modules(*ROOMS):
        if path != "domain/base/sentences.py" and not is_saying(tree):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
                key = ast.literal_eval(node.args[0])
                yield f"{path}:{node.lineno}", key, {str(word.arg) for word in node.keywords}


def fields_of(template: str) -> set[str]:
    """Return the names of the parameters of a template."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_every_template_is_said_and_every_sentence_has_one() -> None:
    assert {key for _, key, _ in said()} == set(TEMPLATES)


def test_a_sentence_is_said_with_the_parameters_of_its_template() -> None:
    wrong = [place for place, key, names in said() if names != fields_of(TEMPLATES[key])]
    assert wrong == []


def test_no_refusal_of_an_item_is_a_text_without_a_key() -> None:
    names = {refusal.__name__ for refusal in REFUSALS}
    texts = [
        f"{path}:{node.lineno}"
        for path, tree in modules("domain", "workflows")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in names
        and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert texts == []


def test_nobody_compares_the_number_of_a_rule() -> None:
    compared = [
        f"{path}:{node.lineno}"
        for path, tree in modules(*ROOMS, "activities", "mail", "simulation", "store")
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(
            isinstance(side, ast.Attribute) and side.attr == "rule"
            for side in (node.left, *node.comparators)
        )
    ]
    assert compared == []


def test_a_sentence_within_a_sentence_and_a_list_of_them_are_said_in_english() -> None:
    item = noun_of(Kind.TICKET, "T-1")
    sentence = say("merge.refused", item=item, problem=say("merge.itself"))
    assert str(sentence) == "ticket T-1 cannot be merged: it cannot be merged into itself"
    problems = (
        say("problem.of_field", field="by", problem=say("problem.missing")),
        say("problem.more", count=2),
    )
    assert (
        str(say("command.malformed", problems=problems)) == "by: is required; and 2 more problems"
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_an_item_is_named_by_its_kind_and_reference(kind: Kind) -> None:
    assert str(noun_of(kind, "X-1")) == f"{kind.lower()} X-1"


@pytest.mark.parametrize(
    "sentence",
    [
        say("item.not_started"),
        say("item.too_large", item=noun_of(Kind.CASE, "C-1"), size=9, limit=7),
        say(
            "command.malformed",
            problems=(say("problem.of_field", field="by", problem=say("problem.missing")),),
        ),
    ],
)
def test_a_sentence_is_read_as_it_was_written(sentence: Sentence) -> None:
    written = sentence.as_json
    assert sentence_from(written["message"], written["parameters"]) == sentence


@pytest.mark.parametrize(
    ("message", "parameters"),
    [
        (None, {}),
        ("item.not_started", None),
        ("of.a_newer_version", {}),
        ("item.closed", {"item": "ticket T-1"}),
        ("item.closed", {"item": None, "command": "assign"}),
        ("item.closed", {"item": {"message": "of.a_newer_version"}, "command": "assign"}),
    ],
)
def test_a_sentence_of_another_version_is_none(message: JsonValue, parameters: JsonValue) -> None:
    assert sentence_from(message, parameters) is None


def test_equal_sentences_are_one() -> None:
    assert len({say("problem.more", count=2), say("problem.more", count=2)}) == 1


@pytest.mark.parametrize("refusal", NAMED)
def test_a_class_of_refusals_is_found_by_its_type_and_reason(refusal: type[Refused]) -> None:
    assert refusal_class(refusal.type, refusal.reason) is refusal
    assert refusal.reason is None or refusal.reason in REASONS


def test_an_unknown_reason_gives_the_class_of_the_type_and_an_unknown_type_none() -> None:
    assert refusal_class("NotAllowed", "of_a_newer_version") is NotAllowed
    assert refusal_class("Conflict") is Conflict
    assert refusal_class("RuntimeError") is None
    assert refusal_class(None) is None


def test_a_text_that_another_program_said_has_no_key() -> None:
    refusal = NotAllowed("it is not to be", rule=Rule.C8)
    assert (refusal.message, refusal.parameters, refusal.sentence) == (None, {}, "it is not to be")


# C15, C8, T9, C17: what callers tell apart is a type
def test_what_callers_tell_apart_is_a_class() -> None:
    life = ticket()
    life.do("start", by="bob", command_id="once")
    assert isinstance(life.refused("edit", by="amy", title="x"), HeldByAnother)
    assert isinstance(life.refused("start", by="amy", command_id="once"), CommandIdReused)
    life.do("resolve", by="bob", method="rejected_as_spam")
    assert isinstance(life.refused("assign", by="amy", to="bob"), ItemClosed)


# C17
def test_a_repeated_command_is_refused_by_the_class_of_its_first_refusal() -> None:
    life = ticket(settings={"resolution_evidence": True})
    fields = {"by": "bob", "method": "customer_response", "command_id": "once"}
    life.signal("resolve", **fields)
    again = life.refused("resolve", **fields)
    assert (type(again), again.rule, again.fields) == (EvidenceMissing, Rule.T9, ())


# C17
def test_a_refusal_that_an_older_version_remembered_is_of_its_type() -> None:
    life = ticket(settings={"resolution_evidence": True})
    fields = {"by": "bob", "method": "customer_response", "command_id": "once"}
    life.signal("resolve", **fields)
    seen = {key: outcome.partition("|")[0] for key, outcome in life.item.log.seen.items()}
    life.item = replace(life.item, log=replace(life.item.log, seen=seen))
    again = life.refused("resolve", **fields)
    assert (type(again), again.rule) == (NotAllowed, Rule.T9)


def test_a_rule_is_found_by_its_number_and_none_by_another() -> None:
    assert Rule.of("chapter 10") is Rule.CHAPTER_10
    assert Rule.of("C999") is None
    assert Rule.of(None) is None
    assert (Rule.C8.anchor, Rule.CHAPTER_10.anchor) == ("c8", "chapter-10")
