"""Messages are found by key, filled in, and put in the plural form of their language."""

from itertools import chain
from typing import Final

import pytest

from domain.base.values import Kind, Method, Outcome, Status, WaitType
from i18n.translations import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    MessageMissing,
    language_of_environment,
    translations,
)

EN, FR = translations("en"), translations("fr")
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


@pytest.mark.parametrize(("key", "term"), TERMS.items())
def test_french_says_it_in_the_status_models_terms(key: str, term: str) -> None:
    assert FR(key) == term


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_of_the_contract_that_people_see_has_a_term(language: str) -> None:
    translate = translations(language)
    expected = chain(
        (f"status.{status}" for status in Status),
        (f"kind.{each}" for each in Kind),
        (f"wait.{wait}" for wait in WaitType),
        (f"resolution.{end}" for end in (*Method, *Outcome)),
    )
    assert {key for key in expected if key not in translate} == set()


def test_a_key_without_a_message_is_an_error_that_names_it() -> None:
    with pytest.raises(MessageMissing, match=r"no message inbox\.nonsense in fr"):
        FR("inbox.nonsense")
    with pytest.raises(MessageMissing, match=r"no message inbox\.nonsense in en"):
        EN.plural("inbox.nonsense", 2)
    assert "inbox.nonsense" not in EN


def test_a_language_without_a_catalog_is_english() -> None:
    assert translations("de").language == DEFAULT_LANGUAGE == "en"


def test_parameters_are_filled_in_and_without_any_the_braces_stay() -> None:
    assert FR("confirmed.open", reference="T-1") == "Ouvrir T-1"
    assert FR("confirmed.open") == "Ouvrir {reference}"


def test_a_number_is_counted_as_its_language_counts() -> None:
    assert EN.plural("search.found", 0) == "0 items"
    assert EN.plural("search.found", 1) == "1 item"
    assert FR.plural("search.found", 0) == "0 activité"
    assert FR.plural("search.found", 2) == "2 activités"


def test_the_count_of_a_plural_can_be_left_for_a_script_to_fill_in() -> None:
    assert FR.plural("bulk.chosen", 2, count="{count}") == "{count} choisies"


def test_a_word_of_the_contract_without_a_term_stands_for_itself() -> None:
    assert FR.term("status", "TO_DO") == "À faire"
    assert FR.term("status", "half_done") == "half done"
    assert FR.term("status", None) == ""


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "fr_FR.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_CA"}, "fr"),
        ({"LC_ALL": "C", "LC_MESSAGES": "fr_CA", "LANG": "fr"}, "en"),
        ({"LC_ALL": "", "LANG": "fr_BE@euro"}, "fr"),
    ],
)
def test_the_environment_names_the_language(environment: dict[str, str], language: str) -> None:
    assert language_of_environment(environment) == language
