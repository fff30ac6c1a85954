"""Info card: summary of an item in Markdown (chapter 1, K7)."""

from domain.base.values import Status
from domain.model.due_dates import due_text
from domain.model.items import Action, AnyItem, Case


def info_card(item: AnyItem) -> str:
    """Return the item's summary, with the reasons for attention and the ways out."""
    lines = [
        f"## {item.reference} · {_plain(item.title) or '(no title)'}",
        "",
        f"**{_status(item)}**",
    ]
    if isinstance(item, Case) and item.attention:
        lines += ["", "### Needs attention"]
        lines += [
            f"- {_plain(reason.action or 'flow')}: {_plain(reason.reason)}"
            for reason in item.attention
        ]
        lines += [
            "",
            "Ways out: rework, restart the Action (start_action), reset_in_progress, cancel.",
        ]
    if isinstance(item, Case) and item.cancelled:
        lines += ["", "This Case was aborted."]
    performer = item.performed_by if isinstance(item, Action) and item.in_review else None
    facts = {
        "Queue": item.queue,
        "Assigned to": item.assignee,
        "Owner": item.owner,
        "Category": item.category,
        "Case": item.case if isinstance(item, Action) else None,
        "Due": due_text(item) and (due_text(item) or "").removeprefix("Due: "),
        "Closes": item.closes_at and f"{item.closes_at:%Y-%m-%d %H:%M} UTC",
        "In review": performer and f"completed by {performer}",
        "New information": "yes" if item.new_information else None,
        "Rejected by a robot": "yes" if item.robot_rejected else None,
    }
    lines += ["", *(f"- {name}: {_plain(fact)}" for name, fact in facts.items() if fact)]
    if item.awaited:
        lines += ["", "| Waits for | End | Title |", "|---|---|---|"]
        lines += [
            f"| {awaited.reference} | {_plain((awaited.how or 'open').replace('_', ' '))} "
            f"| {_plain(awaited.title)} |"
            for awaited in item.awaited
        ]
    if isinstance(item, Action) and item.checklist:
        lines += ["", "| Checklist | Answer |", "|---|---|"]
        lines += [
            f"| {_plain(line.text)} | {(line.answer or 'open').replace('_', ' ')} |"
            for line in item.checklist
        ]
    if isinstance(item, Case) and item.actions:
        lines += ["", "| Action | Copy | Status | Outcome |", "|---|---|---|---|"]
        lines += [
            f"| {_plain(copy.title)} ({copy.reference}) | {copy.copy_number} "
            f"| {copy.status} | {copy.outcome or ''} |"
            for copy in item.actions[-40:]
        ]
    return "\n".join(lines)


def _status(item: AnyItem) -> str:
    words = item.status.replace("_", " ").capitalize()
    if item.status is Status.WAIT and item.wait is not None:
        moment = item.wait.wakes_at
        until = f", until {moment:%Y-%m-%d %H:%M} UTC" if moment else ""
        return f"{words}: {item.wait.type.replace('_', ' ')}{until}"
    if item.resolution is not None:
        how = item.resolution.method or item.resolution.outcome or ""
        return f"{words}: {how.replace('_', ' ')}"
    return words


def _plain(text: str) -> str:
    """Return the text as one line, with Markdown's table and emphasis signs escaped."""
    flat = " ".join(text.split())[:300]
    return "".join(f"\\{sign}" if sign in "|*_`<>[]" else sign for sign in flat)
