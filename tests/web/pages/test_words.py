"""Both languages say everything, in the status model's own terms; vendored files are unchanged."""

import hashlib
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Final

import pytest

from domain.base.values import Kind, Method, Outcome, Status, WaitType
from web.app import STATIC
from web.pages.page_templates import TEMPLATES
from web.pages.words import FOLDER, LANGUAGES, WordMissing, words

EN, FR = words("en"), words("fr")
PAGES: Final = FOLDER.parent
_ASKED: Final = re.compile(
    r"""\b(?:w|say)(?P<count>\.count)?\(\s*["'](?P<key>[a-z0-9_.-]+)["']\s*[,)]"""
)
TERMS: Final = {
    "status.DRAFT": "Brouillon",
    "status.TO_DO": "À faire",
    "status.IN_PROGRESS": "En cours",
    "status.WAIT": "En attente",
    "status.RESOLVED": "Résolu",
    "status.CLOSED": "Fermé",
    "wait.more_information": "En attente d'informations supplémentaires",
    "wait.until": "Suivi (attendre jusqu'à)",
    "wait.pause": "Pause",
    "wait.split": "Fractionné en plusieurs Tickets",
    "wait.case_launched": "Cas lancé",
    "resolution.customer_response": "Communication avec le destinataire du service",
    "resolution.no_customer_response": "Pas de réponse du client",
    "resolution.rejected": "Rejeté",
    "resolution.rejected_as_spam": "Rejeté comme spam",
    "resolution.rejected_unknown_address": "Rejeté : adresse non configurée",
    "resolution.merged": "Fusionné",
    "resolution.unable_to_complete": "Impossible à finir",
    "field.owner": "Responsable",
    "field.assignee": "Ressource affectée",
    "field.queue": "File d'attente",
    "frame.inbox": "Boîte de réception",
    "frame.owned": "Mes activités",
}


def test_french_has_words_for_all_that_english_has_and_for_nothing_else() -> None:
    assert EN.keys() ^ FR.keys() == frozenset()


def test_both_languages_name_the_same_values() -> None:
    differing = {key for key in EN.keys() & FR.keys() if _named(EN(key)) != _named(FR(key))}
    assert differing == set()


@pytest.mark.parametrize(("key", "term"), TERMS.items())
def test_french_says_it_in_the_status_models_terms(key: str, term: str) -> None:
    assert FR(key) == term


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_of_the_contract_that_people_see_has_words(language: str) -> None:
    said = words(language).keys()
    wanted = chain(
        (f"status.{one}" for one in Status),
        (f"kind.{one}" for one in Kind),
        (f"wait.{one}" for one in WaitType),
        (f"resolution.{one}" for one in (*Method, *Outcome)),
    )
    assert set(wanted) - said == set()


def test_every_key_that_a_page_asks_for_has_words() -> None:
    known = EN.keys()
    missing = {key for key in _asked() if key not in known}
    assert missing == set()


def test_a_page_that_asks_for_words_nobody_wrote_hears_which() -> None:
    with pytest.raises(WordMissing, match=r"inbox\.nonsense"):
        EN("inbox.nonsense")


def test_a_language_that_pages_do_not_speak_is_english() -> None:
    assert words("de").language == "en"


def test_a_count_is_said_as_its_language_counts() -> None:
    assert EN.count("search.found", 0) == "0 items"
    assert EN.count("search.found", 1) == "1 item"
    assert FR.count("search.found", 0) == "0 activité"
    assert FR.count("search.found", 2) == "2 activités"


def test_a_word_of_the_contract_that_is_newer_than_the_words_says_itself() -> None:
    assert FR.of("status", "half_done") == "half done"


def test_vendored_files_are_those_that_were_taken() -> None:
    vendor = STATIC / "vendor"
    listed = json.loads((vendor / "vendored.json").read_text())
    found = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "vendored.json"
    }
    assert found == listed


def test_no_page_holds_what_its_security_policy_forbids() -> None:
    forbidden = re.compile(
        r"""\sstyle=|\son[a-z]+=|hx-on|<style|<script>|https?://(?!www\.w3\.org)"""
    )
    breaches = {
        f"{path.name}: {found.group().strip()}"
        for path in TEMPLATES.rglob("*.html")
        for found in forbidden.finditer(path.read_text(encoding="utf-8"))
    }
    assert breaches == set()


def test_every_icon_that_a_page_draws_is_there() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    asked = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r"""(?:icon|sign)\("([a-z_-]+)"[,)]""", path.read_text("utf-8"))
    }
    assert asked - drawn == set()
    assert {f"wait-{one}" for one in WaitType} - drawn == set()


def _named(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _sources() -> Iterator[Path]:
    yield from TEMPLATES.rglob("*.html")
    yield from PAGES.glob("*.py")


def _asked() -> Iterator[str]:
    for path in _sources():
        for found in _ASKED.finditer(path.read_text(encoding="utf-8")):
            yield f"{found['key']}.other" if found["count"] else found["key"]
