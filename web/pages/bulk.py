"""POST of one command for several items, with a result for each item."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import JsonValue

from auth.callers import Caller
from auth.permissions import Duty, Forbidden, check_duty
from domain.base.refusals import Conflict, Refused
from domain.model.states import State
from i18n.translations import Translations, translations
from starter.client import NoAnswer, UnknownItem
from web.commands import execute_command, find_state
from web.context import AppContext, CallerDep, Context
from web.pages.forms import Fields, InvalidForm, SubmittedForm, read_command_form
from web.pages.page_templates import date_formatter, render_fragment, render_page

router: Final = APIRouter()
COMMANDS: Final = ("assign", "wait", "resolve", "mark_read")
"""Commands for several items at once."""
MAX_ITEMS: Final = 200
_MAX_CONCURRENT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """Result of one item: its new state, or the refusal."""

    reference: str
    state: State | None
    sentence: str = ""


@router.post("/bulk")
async def post_bulk(request: Request, context: Context, caller: CallerDep) -> Response:
    """Execute a command for the chosen items, and show the result of each."""
    check_duty(caller, Duty.TAKE)
    at = date_formatter(request, caller)
    translate = translations(at.language)
    async with request.form(max_fields=MAX_ITEMS + 20, max_files=0) as form:
        written = SubmittedForm(form, at.zone)
        chosen = list(dict.fromkeys(written.values("item")))[:MAX_ITEMS]
        command = written.text("command") or ""
        results: list[BulkResult] = []
        if command in COMMANDS and chosen:
            slots = asyncio.Semaphore(_MAX_CONCURRENT)
            bulk_command = _BulkCommand(
                context=context,
                caller=caller,
                command=command,
                written=written,
                translate=translate,
            )

            async def execute(item: str) -> BulkResult:
                async with slots:
                    return await bulk_command.execute(item)

            results = await asyncio.gather(*map(execute, chosen))
    done = sum(result.state is not None for result in results)
    shown: dict[str, Any] = {"results": results, "command": command, "done": done}
    if request.headers.get("hx-request") == "true":
        answer = await render_fragment(request, caller, "lists/results.html", **shown)
        answer.headers["HX-Trigger"] = "casekeep:list"
        return answer
    return await render_page(request, caller, "lists/bulk.html", **shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BulkCommand:
    """Command for several items, from one form."""

    context: AppContext
    caller: Caller
    command: str
    written: SubmittedForm
    translate: Translations

    async def execute(self, item: str) -> BulkResult:
        """Execute the command for one item; `item`: its reference and the reader's revision."""
        reference, _, revision = item.partition(":")
        try:
            state = await find_state(self.context, reference)
            if self.command == "assign" and state.assignee not in {None, self.caller.actor}:
                check_duty(self.caller, Duty.LEAD)
            fields = _without_none(read_command_form(self.command, self.written, state))
            if revision.isdecimal():
                fields["expected_revision"] = int(revision)
            after = await execute_command(
                self.context, self.caller, reference, self.command, fields
            )
        except InvalidForm as unreadable:
            problems = ", ".join(self.translate(key) for key in unreadable.problems.values())
            return BulkResult(reference=reference, state=None, sentence=problems)
        except Conflict:
            return BulkResult(
                reference=reference, state=None, sentence=self.translate("bulk.conflict")
            )
        except (Refused, Forbidden, UnknownItem, NoAnswer) as problem:
            return BulkResult(reference=reference, state=None, sentence=str(problem))
        return BulkResult(reference=reference, state=after)


def _without_none(fields: Mapping[str, JsonValue]) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}
