import logging
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from catalog.files import CatalogInvalid
from catalog.loader import SAMPLE_FOLDER, Catalog, load_catalog, load_definition
from domain.base.values import Performer
from domain.model.calendars import DAYS, Opening
from tests.cli.conftest import run_command

GOOD = "name: errand\nsteps:\n  - key: only\n    actions:\n      - key: run\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (f"{name}.yaml" if name.startswith("ca") else f"cases/{name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(CatalogInvalid) as refused:
        load_catalog(folder)
    return [line.removeprefix(f"{folder}/") for line in str(refused.value).splitlines()]


def test_the_sample_has_categories_with_settings_and_two_definitions_of_three_steps() -> None:
    sample = load_catalog(SAMPLE_FOLDER)
    assert len(sample.categories) >= 2
    assert all(terms.queue and terms.settings for terms in sample.categories.values())
    assert set(sample.definitions) == {"supplier-invoice", "new-starter"}
    for terms in sample.definitions.values():
        assert terms.definition is not None
        assert len(terms.definition.steps) == 3
        performers = {action.performer for action in terms.definition.actions}
        assert {Performer.HUMAN, Performer.ROBOT} <= performers
        assert all(len(step.actions) >= 2 for step in terms.definition.steps)
        assert any(action.due for action in terms.definition.actions)
        assert any(action.queue for action in terms.definition.actions)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [1\n", "2: is no YAML: while parsing a flow sequence"),
        ("", "1: is empty; a case definition has a name and steps"),
        ("- a\n", "1: must be a mapping of fields"),
        ("name: a\n---\nname: b\n", "2: is no YAML: expected a single document"),
        ("name: a\nname: b\nsteps: []\n", "2: name: is there twice; leave one out"),
        ("steps: []\n", "1: name: is required"),
        ("name: a\nsteps: 5\n", "2: steps: must be a list"),
        ("name: a\nstepps: []\nsteps: []\n", "2: stepps: is not a field of this; there are name,"),
        (
            "name: a\nsteps:\n  - key: b\n    actions:\n      - key: c\n        performer: bot\n",
            "6: steps.0.actions.0.performer: must be 'human', 'robot' or 'any'",
        ),
        (
            "name: a\nsettings:\n  due:\n    within: 3 days\nsteps: []\n",
            "4: settings.due.within: must be an ISO 8601 duration",
        ),
        (
            "name: a\nsettings:\n  due: {within: P1D, waits: [pause]}\nsteps: []\n",
            "3: settings.due: waits names wait types, which needs add_wait_time: true (D2)",
        ),
        ("name: a\nsteps:\n  - key: b\n  - key: b\n", "1: step keys must be unique"),
        ("name: a\nversion: 1.5\nsteps: []\n", "2: version: must be"),
        ("name: &x a\nqueue: *x\nsteps: []\n", "2: *x: write it out, no aliases"),
        ("name: a\nsteps: !!set {}\n", "2: tag:yaml.org,2002:set: leave the tag out"),
        ("name: a\n? [b]\n: 1\nsteps: []\n", "2: a field's name must be a word"),
        ("name: a\nqueue: \x07\nsteps: []\n", "2: holds a control character"),
        ("name: !!int x\nsteps: []\n", "1: x: cannot be read as"),
    ],
)
def test_a_problem_of_a_definition_is_told_with_its_file_line_and_field(
    tmp_path: Path, text: str, expected: str
) -> None:
    first = problems(write(tmp_path, one=text))[0]
    assert first.startswith(f"cases/one.yaml:{expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "1: must be a mapping of category names"),
        ("a:\n  que: x\n", "2: a.que: is not a field of this; there are title, queue, settings"),
        ("a.b:\n  queue: 5\n", "2: a.b.queue: must be a string"),
        ("'':\n  queue: a\n", "1: '': must have at least 1 character"),
        ("a: yes\n", "1: a: must be a mapping of fields"),
        ("a:\n  settings: {reopen_on: [letter]}\n", "2: a.settings.reopen_on.0: must be 'mail'"),
    ],
)
def test_a_problem_of_the_categories_is_told_with_its_line_and_field(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert problems(write(tmp_path, categories=text))[0].startswith(f"categories.yaml:{expected}")


OFFICE = "office:\n  zone: Europe/Paris\n  hours: {weekdays: 09:00-12:30 13:30-18:00}\n"


# D1
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "1: must be a mapping of calendar names"),
        ("a:\n", "1: a.zone: is required"),
        (f"{OFFICE}  zome: x\n", "4: office.zome: is not a field of this; there are zone, hours,"),
        (
            "a:\n  zone: Europe/Lutetia\n  hours: {monday: 9:00-12:00}\n",
            "2: a.zone: no time zone Europe/Lutetia; give one such as Europe/Paris",
        ),
        ("a:\n  zone: UTC\n", "1: a.hours: is required"),
        ("a:\n  zone: UTC\n  hours: {}\n", "3: a.hours: is never open; give hours for a day"),
        ("a:\n  zone: UTC\n  hours:\n    monday: closed\n", "3: a.hours: is never open"),
        (
            "a:\n  zone: UTC\n  hours:\n    moonday: 09:00-10:00\n",
            "4: a.hours.moonday: is not a field of this; there are every_day, weekdays, monday,",
        ),
        (
            "a:\n  zone: UTC\n  hours:\n    monday: nine to five\n",
            '4: a.hours.monday: must be hours such as "09:00-12:30 13:30-18:00", or closed',
        ),
        ("a:\n  zone: UTC\n  hours:\n    monday: ''\n", "4: a.hours.monday: must be hours such as"),
        ("a:\n  zone: UTC\n  hours:\n    monday: 9\n", "4: a.hours.monday: must be hours such as"),
        (
            "a:\n  zone: UTC\n  hours:\n    monday: 22:00-06:00\n",
            "4: a.hours.monday: ends before it begins; a night is two openings, before and after",
        ),
        (
            "a:\n  zone: UTC\n  hours:\n    monday: 09:00-24:30\n",
            "4: a.hours.monday: is not within the day",
        ),
        (
            "a:\n  zone: UTC\n  hours:\n    monday: 09:00-13:00 12:59-18:00\n",
            "4: a.hours.monday: openings overlap or are not in order",
        ),
        (f"{OFFICE}  holidays: {{country: XX}}\n", "4: office.holidays.country: no country XX is"),
        (
            f"{OFFICE}  holidays: {{country: FR, subdivision: BY}}\n",
            "4: office.holidays.subdivision: no part BY of FR is known; there are 57, ",
        ),
        (
            f"{OFFICE}  holidays: {{subdivision: BY}}\n",
            "4: office.holidays.subdivision: goes with a country",
        ),
        (
            f"{OFFICE}  holidays: {{country: MC, subdivision: BY}}\n",
            "4: office.holidays.subdivision: no part BY of MC is known; there are none",
        ),
        (
            f"{OFFICE}  holidays:\n    dates:\n      - 2026-12-24\n      - 2026-02-30\n",
            "7: office.holidays.dates.1: there is no day 2026-02-30",
        ),
        (
            f"{OFFICE}  holidays: {{dates: [Easter]}}\n",
            "4: office.holidays.dates.0: must be a date such as 2026-12-24",
        ),
    ],
)
def test_a_problem_of_the_calendars_is_told_with_its_line_and_field(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert problems(write(tmp_path, calendars=text))[0].startswith(f"calendars.yaml:{expected}")


# D1
def test_a_days_own_hours_go_before_those_of_weekdays_and_these_before_every_days(
    tmp_path: Path,
) -> None:
    text = (
        "shop:\n  zone: Europe/Paris\n  hours:\n    every_day: 10:00-11:00\n"
        "    weekdays: 08:00-12:00, 13:00-24:00\n    friday: closed\n"
    )
    shop = load_catalog(write(tmp_path, calendars=text)).calendars["shop"]
    assert (shop.name, shop.zone, shop.holidays) == ("shop", "Europe/Paris", frozenset())
    workday, rest = (Opening(480, 720), Opening(780, 1440)), (Opening(600, 660),)
    assert dict(zip(DAYS, shop.week, strict=True)) == {
        **dict.fromkeys(DAYS[:4], workday),
        "friday": (),
        "saturday": rest,
        "sunday": rest,
    }


# D1: an item lives for years, so the holidays of years to come are known at its start
def test_a_countrys_holidays_are_known_from_last_year_to_five_years_on(tmp_path: Path) -> None:
    holidays = "  holidays: {country: FR, dates: [2031-12-24]}\n"
    opening_hours = load_catalog(write(tmp_path, calendars=OFFICE + holidays)).calendars["office"]
    this_year = datetime.now(UTC).year
    assert {day.year for day in opening_hours.holidays if (day.month, day.day) == (7, 14)} == set(
        range(this_year - 1, this_year + 6)
    )
    assert date(2031, 12, 24) in opening_hours.holidays


def test_a_part_of_a_country_may_have_holidays_of_its_own(tmp_path: Path) -> None:
    ways = {"country": "DE", "bavaria": "DE, subdivision: BY"}
    text = "".join(
        f"{OFFICE}  holidays: {{country: {way}}}\n".replace("office", name)
        for name, way in ways.items()
    )
    loaded = load_catalog(write(tmp_path, calendars=text)).calendars
    assert loaded["country"].holidays < loaded["bavaria"].holidays


FLOW = (
    "name: errand\nsettings: {calendar: office}\nsteps:\n  - key: only\n    actions:\n"
    "      - key: run\n        due: {within: PT1H, calendar: night}\n"
)
CATEGORY = (
    "a.b:\n  settings:\n    calendar: office\n    due: {within: P1D, calendar: office}\nplain:\n"
)


# D1
def test_categories_and_definitions_come_with_the_calendars_they_name(tmp_path: Path) -> None:
    night = "night:\n  zone: UTC\n  hours: {every_day: 00:00-06:00 20:00-24:00}\n"
    write(tmp_path, calendars=night + OFFICE, one=FLOW, categories=CATEGORY)
    loaded = load_catalog(tmp_path)
    known = loaded.calendars
    assert loaded.categories["a.b"].calendars == (known["office"],)
    assert loaded.categories["plain"].calendars == ()
    assert loaded.definitions["errand"].calendars == (known["office"], known["night"])


# D1
def test_a_calendar_that_is_named_and_not_there_is_told_where_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, calendars=OFFICE, one=FLOW, categories=CATEGORY.replace("office", "ofice"))
    assert problems(tmp_path) == [
        f"{place}: no calendar named {name}; calendars.yaml has office"
        for place, name in (
            ("cases/one.yaml:7: steps.0.actions.0.due.calendar", "night"),
            ("categories.yaml:3: a.b.settings.calendar", "ofice"),
            ("categories.yaml:4: a.b.settings.due.calendar", "ofice"),
        )
    ]
    (tmp_path / "calendars.yaml").unlink()
    assert (
        "cases/one.yaml:2: settings.calendar: no calendar named office; calendars.yaml has none"
        in problems(tmp_path)
    )


# D1: whether a name is known cannot be said of calendars that cannot be read
def test_calendars_that_are_wrong_themselves_are_told_alone(tmp_path: Path) -> None:
    write(tmp_path, calendars="office: 1\n", one=FLOW, categories=CATEGORY)
    assert [line.partition(": ")[0] for line in problems(tmp_path)] == ["calendars.yaml:1"]


def test_the_sample_names_both_of_its_calendars() -> None:
    sample = load_catalog(SAMPLE_FOLDER)
    terms = [*sample.categories.values(), *sample.definitions.values()]
    named = {calendar.name for term in terms for calendar in term.calendars}
    assert named == set(sample.calendars) == {"paris-office", "support"}
    assert date(datetime.now(UTC).year, 7, 14) in sample.calendars["paris-office"].holidays


def test_all_problems_of_all_files_are_told_at_once_in_order(tmp_path: Path) -> None:
    write(tmp_path, categories="a: 1\nb: 2\n", one="name: 1\nsteps: 2\n", two=GOOD)
    assert [line.rpartition(": ")[0] for line in problems(tmp_path)] == [
        "cases/one.yaml:1: name",
        "cases/one.yaml:2: steps",
        "categories.yaml:1: a",
        "categories.yaml:2: b",
    ]


def test_a_name_defined_twice_is_told_where_and_names_the_first_file(tmp_path: Path) -> None:
    write(tmp_path, one=GOOD, two=f"# again\n{GOOD}")
    assert problems(tmp_path) == [
        f"cases/two.yaml:2: name: errand is defined in {tmp_path}/cases/one.yaml already"
    ]


def test_a_file_that_is_in_the_wrong_place_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "category.yaml").write_text("a: {}\n")
    (problem,) = problems(tmp_path)
    assert problem.startswith("category.yaml:1: is no file of a catalog; calendars.yaml, ")


def test_a_file_that_is_not_utf8_or_nested_without_end_is_refused(tmp_path: Path) -> None:
    write(tmp_path, deep=f"name: {'[' * 2000}")
    (tmp_path / "cases/latin.yaml").write_bytes("name: é\n".encode("latin-1"))
    assert problems(tmp_path) == [
        "cases/deep.yaml:1: is nested too deeply",
        "cases/latin.yaml:1: is not written in UTF-8; save it so",
    ]


def test_words_that_older_yaml_reads_as_booleans_and_dates_stay_words(tmp_path: Path) -> None:
    write(tmp_path, categories="no:\n  queue: on\n2026-01-01:\n  queue: 12:30:00\n")
    loaded = load_catalog(tmp_path).categories
    assert {name: terms.queue for name, terms in loaded.items()} == {
        "no": "on",
        "2026-01-01": "12:30:00",
    }


def test_a_category_may_leave_everything_open(tmp_path: Path) -> None:
    loaded = load_catalog(write(tmp_path, categories="plain:\n")).categories["plain"]
    assert (loaded.queue, loaded.settings, loaded.definition) == (None, None, None)


def test_no_categories_and_no_cases_are_an_empty_catalog(tmp_path: Path) -> None:
    assert load_catalog(write(tmp_path, categories="# none yet\n")) == Catalog()


def test_the_default_folder_need_not_exist_but_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert load_catalog(Path("catalog")) == Catalog()
    assert "no catalog in catalog/" in caplog.text


def test_a_default_folder_of_something_else_is_no_catalog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog" / "sample").mkdir(parents=True)
    (tmp_path / "catalog" / "__init__.py").touch()
    (tmp_path / "catalog" / "sample" / "queues.yaml").write_text("accounts:\n")
    with caplog.at_level(logging.WARNING):
        assert load_catalog(Path("catalog")) == Catalog()
    assert "no catalog in catalog/" in caplog.text


def test_a_folder_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match="is no folder"):
        load_catalog(tmp_path / "elsewhere")


def test_a_definition_is_read_from_json_as_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "errand.json"
    path.write_text('{"name": "errand", "steps": [{"key": "only", "actions": [{"key": "run"}]}]}')
    assert (
        load_definition(path)
        == load_catalog(write(tmp_path / "x", one=GOOD)).definitions["errand"].definition
    )


def test_a_definition_file_that_is_missing_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogInvalid, match=r"none\.yaml:1: cannot be read: No such file"):
        load_definition(tmp_path / "none.yaml")


def test_catalog_check_shows_what_there_is() -> None:
    ran = run_command("catalog", "check", str(SAMPLE_FOLDER))
    assert ran.code == 0
    assert "invoice-question" in ran.out
    assert "Verify the invoice: match-order, confirm-receipt" in ran.out
    assert "3 d (paris-office)" in ran.out
    assert "Friday: 09:00-12:30 13:30-17:00" in ran.out
    assert "Saturday to Sunday: closed" in ran.out


def test_catalog_check_prints_json_for_scripts() -> None:
    loaded = run_command("catalog", "check", str(SAMPLE_FOLDER), "--json").json
    assert loaded["categories"]["hr-question"]["settings"]["feedback_window"] == "P7D"
    assert loaded["definitions"]["new-starter"]["definition"]["steps"][0]["key"] == "prepare"
    assert loaded["calendars"]["support"]["week"][6] == [[480, 1200]]


def test_catalog_check_refuses_with_every_problem_on_standard_error(tmp_path: Path) -> None:
    ran = run_command("catalog", "check", str(write(tmp_path, one="name: 1\nsteps: 2\n")))
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 2


def test_catalog_check_of_an_empty_catalog_says_so_kindly(tmp_path: Path) -> None:
    assert "catalog is empty" in run_command("catalog", "check", str(tmp_path)).out


# T13, M2
def test_an_address_that_the_desk_writes_from_has_to_be_a_mailbox(tmp_path: Path) -> None:
    (tmp_path / "senders.yaml").write_text("desk@desk.example: {}\npay@desk.example: {}\n")
    assert load_catalog(tmp_path).mailboxes == {}  # a desk that takes no mails in
    (tmp_path / "mailboxes.yaml").write_text("desk@desk.example: {ticket: question}\n")
    (tmp_path / "categories.yaml").write_text("question: {}\n")
    expected = (
        "senders.yaml:2: pay@desk.example: is no mailbox, so answers to what is closed start "
    )
    assert problems(tmp_path) == [f"{expected}nothing; add it to mailboxes.yaml"]
