"""Takes the screenshots of Temporal's UI for the guide, with Debian's chromium."""

import asyncio
import json
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from playwright.async_api import Page, async_playwright
from pydantic import JsonValue

from devstack.stack import Stack
from domain.model.starts import CaseStart, TicketStart
from starter.client import CasekeepClient

PICTURES: Final = Path(__file__).with_name("pictures")
COLUMNS: Final = (
    "Workflow ID",
    "Type",
    "ItemStatus",
    "ItemQueue",
    "ItemAssignee",
    "ItemOwner",
    "ItemWait",
    "ItemResolution",
    "NeedsAttention",
)
CASE: Final = "C-2M8XW4TA"


async def create_items(desk: CasekeepClient) -> None:
    """Create items in every status."""
    contact = {"name": "Ada Lovelace", "email": "ada@example.org"}
    for number, (title, category) in enumerate(
        [
            ("Which cost centre for the trade fair?", "invoice-question"),
            ("Reminder for invoice 4711, already paid", "payment-reminder"),
            ("Parental leave from March", "hr-question"),
            ("Certificate of employment for a flat", "hr-certificate"),
            ("New bank account", "hr-question"),
        ]
    ):
        start = TicketStart.model_validate(
            {
                "by": "service:intranet",
                "title": title,
                "description": f"{title} Please advise.",
                "category": category,
                "primary_contact": contact,
                "requester": contact,
            }
        )
        await desk.start(start, f"T-7F3K9Q2{'DFHKM'[number]}")
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    await desk.execute("T-7F3K9Q2D", "start", {"by": "amy"})
    wait: dict[str, JsonValue] = {
        "by": "bob",
        "type": "more_information",
        "days_to_wait": 5,
        "waiting_for": "customer",
    }
    await desk.execute("T-7F3K9Q2F", "wait", {**wait, "close_if_no_response": True})
    await desk.execute("T-7F3K9Q2H", "wait", {"by": "amy", "type": "until", "until": soon})
    await desk.execute("T-7F3K9Q2K", "assign", {"by": "lea", "to": "bob"})
    for reference, owner in (("C-2M8XW4TA", "amy"), ("C-5H9PZ7RB", "lea")):
        case = CaseStart.model_validate(
            {
                "by": "service:erp",
                "short_description": f"Invoice of Acme Ltd, {reference[-4:]}",
                "definition": "supplier-invoice",
                "owner": owner,
                "primary_contact": {"name": "Acme Ltd", "email": "billing@example.com"},
            }
        )
        await desk.start(case, reference)
    for action, by in (("C-2M8XW4TA-A1", "robot:ocr-1"), ("C-2M8XW4TA-A2", "bob")):
        await wait_for_action(desk, action)
        await desk.execute(action, "start", {"by": by})
    failed = {"by": "robot:ocr-1", "outcome": "unable_to_complete"}
    reason = "the scan is too pale to read the amount"
    await desk.execute("C-2M8XW4TA-A1", "resolve", {**failed, "reason": reason})


async def wait_for_action(desk: CasekeepClient, reference: str) -> None:
    """Wait until an Action's workflow answers."""
    while True:
        try:
            await desk.state(reference)
        except LookupError:
            await asyncio.sleep(0.1)
        else:
            return


async def take_screenshot(page: Page, url: str, name: str, *, wait_for: str) -> None:
    """Take a screenshot of a page once it shows the text `wait_for`."""
    await page.goto(url)
    await page.get_by_text(wait_for).first.wait_for(timeout=30_000)
    await page.wait_for_timeout(1500)
    await page.screenshot(path=PICTURES / f"{name}.png")


async def take_command_dialog(page: Page) -> None:
    """Take a screenshot of the dialog in which a person gives a command."""
    await page.locator("button:visible", has_text="More Actions").first.click()
    await page.locator("text=Send an Update >> visible=true").first.click()
    await page.mouse.click(720, 355)  # the field cannot be found otherwise
    await page.wait_for_timeout(800)
    await page.screenshot(path=PICTURES / "commands.png")


async def main() -> None:
    """Start a stack, create items, and take the screenshots."""
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Stack(Path(folder), temporal_port=0, ui_port=0) as stack,
            async_playwright() as playwright,
        ):
            desk = await stack.desk()
            await create_items(desk)
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"]
            )
            page = await browser.new_page(viewport={"width": 1440, "height": 900})
            columns = json.dumps({"default": [{"label": label} for label in COLUMNS]})
            await page.add_init_script(
                f"localStorage.setItem('namespace-workflow-table-columns', {json.dumps(columns)})"
            )
            ui = f"{stack.ui_url}/namespaces/default/workflows"
            run = (await desk.client.get_workflow_handle(CASE).describe()).run_id
            await take_screenshot(page, ui, "list", wait_for="T-7F3K9Q2D")
            await take_screenshot(page, f"{ui}/{CASE}/{run}/timeline", "case", wait_for="at risk")
            await take_screenshot(
                page, f"{ui}/{CASE}/{run}/user-metadata", "card", wait_for="Current Details"
            )
            await take_screenshot(
                page, f"{ui}/{CASE}/{run}/relationships", "relationships", wait_for="Expand"
            )
            await take_command_dialog(page)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
