"""A deep and wide Case, its worker killed again and again, agrees with the pure domain."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from domain.base.values import Status
from domain.engine.start_item import create_item
from domain.model.effects import StartActionEffect, StartItem
from domain.model.starts import CaseStart
from store.items import queries
from tests.support.builders import Life
from tests.support.item_network import ItemNetwork, catalog_of
from tests.support.process_stack import Fields, RunningStack, assert_eventually, running_stack

WIDE: Final = 20
KILLS: Final = 5


def waiting_for(name: str, *, below: str, first: list[Fields] | None = None) -> Fields:
    """Return a definition whose last step waits for a Case of another definition."""
    order = {"key": "deeper", "kind": "wait_for_sub_cases", "cases": [{"definition": below}]}
    steps = [{"key": "wide", "actions": first}] if first else []
    return {"name": name, "steps": [*steps, {"key": "deep", "actions": [order]}]}


PIECES: Final = [{"key": f"piece-{number}"} for number in range(1, WIDE + 1)]
DEFINITIONS: Final = (
    waiting_for("top", below="second", first=PIECES),
    waiting_for("second", below="third"),
    waiting_for("third", below="bottom"),
    {"name": "bottom", "steps": [{"key": "only", "actions": [{"key": "by-hand"}]}]},
)
START: Final = {"by": "amy", "short_description": "Move the archive", "definition": "top"}
TOP: Final = "C-ARCHIVE"
COMPLETE: Final = {"outcome": "complete"}
UNABLE: Final = {"outcome": "unable_to_complete", "reason": "the shelf is empty"}
REWORK: Final = {"step": "wide", "reason": "from the beginning"}


@pytest_asyncio.fixture
async def archive(tmp_path: Path) -> AsyncIterator[RunningStack]:
    """Start a stack whose catalog has these definitions."""
    cases = tmp_path / "catalog" / "cases"
    cases.mkdir(parents=True)
    for definition in DEFINITIONS:
        (cases / f"{definition['name']}.json").write_text(json.dumps(definition))
    url = f"sqlite:///{tmp_path / 'casekeep.db'}"
    async with running_stack(tmp_path / "desk", url, catalog=tmp_path / "catalog") as desk:
        yield desk


class MirroredItems:
    """Driver that gives every command to the real stack by signal, and to the domain in memory."""

    def __init__(self, desk: RunningStack) -> None:
        self.desk = desk
        self.network = ItemNetwork(catalog=catalog_of(*DEFINITIONS), run_of=self._run_of)

    def _run_of(self, reference: str) -> str:
        """Return the run of the real item: references of items that it starts contain the run."""
        row = queries.find_item(self.desk.engine, reference)
        assert row is not None, reference
        return row.state.run

    async def start(self) -> None:
        start = CaseStart.model_validate_json(json.dumps(START | {"submit": True}))
        await self.desk.start(start, TOP)
        await self.desk.eventually(TOP)
        terms = self.network.catalog["top"]
        change = create_item(
            start, reference=TOP, run=self._run_of(TOP), at=self.network.now, terms=terms
        )
        self.network.add(Life(change.item, self.network.now, terms, [change]))

    async def tell(self, reference: str, command: str, **fields: Any) -> None:  # noqa: ANN401
        """Signal the real item and give the command to the one in memory, without waiting."""
        await self.desk.tell(reference, command, **fields)
        self.network.give(reference, command, **fields)

    async def settled(self, *references: str) -> None:
        """Wait until the real items are in the state of those in memory, after all effects."""

        async def check() -> None:
            self._settle()
            for reference in references or self.network.lives:
                life = self.network[reference]
                row = queries.find_item(self.desk.engine, reference)
                assert row is not None, reference
                assert row.state.revision == life.item.revision, reference

        await assert_eventually(check)

    def _settle(self) -> None:
        """Perform the effects of the items in memory, as soon as the real started items exist."""
        is_more = True
        while is_more:
            for life in self.network.lives.values():
                for effect in life.item.outbox:
                    if isinstance(effect, StartActionEffect | StartItem):
                        self._run_of(effect.reference)
            is_more = self.network.perform() or self.network.deliver()

    def newest(self, key: str) -> str:
        """Return the reference of the newest copy of the top Case's Action."""
        return [copy.reference for copy in self.network.case(TOP).actions if copy.key == key][-1]

    async def pieces(self, numbers: range, outcome: Fields = COMPLETE) -> None:
        """End these Actions one after the other, so that their reports have an order."""
        for number in numbers:
            reference = self.newest(f"piece-{number}")
            await self.tell(reference, "resolve", by="bob", **outcome)
            await self.settled(reference, TOP)


def without_instants(entries: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Return a timeline without its instants."""
    return [
        (
            entry.revision,
            entry.by,
            entry.command,
            entry.before,
            entry.after,
            entry.reason,
            entry.note,
        )
        for entry in entries
        if not entry.refused
    ]


@pytest.mark.soak
@pytest.mark.timeout(600, func_only=True)  # five deaths, each up to ten seconds for what it held
async def test_a_deep_and_wide_case_tells_what_the_domain_tells(
    archive: RunningStack,
) -> None:  # K10, K12
    both, kills = MirroredItems(archive), 0

    async def killed() -> None:
        nonlocal kills
        kills += 1
        await archive.stack.kill_worker()
        await archive.stack.start_worker()
        await both.settled()

    await both.start()
    await both.settled()
    await both.pieces(range(1, 5))
    await both.tell(both.newest("piece-5"), "resolve", by="bob", **UNABLE)
    await killed()  # the Case needs attention
    await both.pieces(range(6, 9))
    await both.tell(TOP, "rework", **REWORK)
    await killed()  # twenty new copies, twelve old ones cancelled
    await both.pieces(range(1, WIDE))
    await both.tell(both.newest(f"piece-{WIDE}"), "resolve", by="bob", **COMPLETE)
    await killed()  # three levels of sub-Cases begin
    assert len([life for life in both.network.lives.values() if life.item.kind == "Case"]) == 4
    await both.tell(TOP, "rework", **REWORK)
    await killed()  # and are cancelled again
    await both.pieces(range(1, WIDE + 1))
    bottom = [
        reference
        for reference in both.network.lives
        if both.network.item(reference).status is Status.TO_DO
    ]
    (by_hand,) = [each for each in bottom if both.network.item(each).kind == "Action"]
    await both.tell(by_hand, "resolve", by="bob", **COMPLETE)
    await killed()  # each level hears that the one below is complete

    assert kills == KILLS
    assert both.network.item(TOP).status is Status.CLOSED
    for reference, life in both.network.lives.items():
        entries = queries.load_entries(archive.engine, reference).entries
        assert without_instants(entries) == without_instants(life.entries), reference
    await archive.recovers([TOP])
