"""Rules of the status model, by number, each with its first sentence in docs/status-model.md."""

from enum import StrEnum
from typing import Self


class Rule(StrEnum):
    """A rule of the status model; its value is the number by which it is cited."""

    sentence: str
    """The first sentence of the rule."""

    def __new__(cls, number: str, sentence: str) -> Self:
        """Make a member that is its number, with the sentence beside it."""
        member = str.__new__(cls, number)
        member._value_ = number
        member.sentence = sentence
        return member

    # a table: one rule a line
    # fmt: off
    C1 = "C1", "One status set for all three kinds."
    C2 = "C2", "A submitted item is To Do until a human or a robot picks it up."
    C3 = "C3", "Starting to work on a To Do item (`start`, or the first `edit` or `answer_checklist`) assigns it to the actor and makes it In Progress."
    C4 = "C4", "In Progress lasts until the item is resolved, waits, or is given back."
    C5 = "C5", "Giving it back (`unassign` to its queue, or to another queue; `assign` to somebody else) makes it To Do, however long it was held."
    C6 = "C6", "`set_to_do` undoes a start by hand: To Do, back in its queue."
    C7 = "C7", "A robot's `reject` (reason required) makes it To Do, unassigned, marked robot-rejected: no robot is offered it, and none may start it, until a person worked on it."
    C8 = "C8", "Edit, start, wait, resume, resolve, set to do, split, launch, merge and checklist answers on an item assigned to someone else are refused with that person's name, unless the command says `take_over`, which assigns it to the actor first."
    C9 = "C9", "Going into Wait or Resolved moves the item from inbox to owned work: the assignee (if none, the actor) becomes owner, and nobody is assigned; a Case that has an owner keeps it."
    C10 = "C10", "A wait needs its type."
    C11 = "C11", "Choosing another wait, or another date, while waiting replaces the wait and its timer; the old timer never acts."
    C12 = "C12", "`resume` (choosing Wait again) takes the item off Wait: In Progress, assigned to the actor, timer gone; a Case's pause is resumed by who may pause it (K8)."
    C13 = "C13", "Mail that is not automatic (M4): to an item in Draft, To Do or In Progress it is added and raises new information; to Wait for more information it ends the wait (C9), even one received before the wait began and handled after; to any other Wait it is added, raises new information (so the item shows in the owner's inbox) and leaves status and timer alone."
    C14 = "C14", "New information (what lists highlight) stays raised until the holder (the assignee, else the owner) marks it read or gives the item any command that is accepted, `start` on what they have already in progress included."
    C15 = "C15", "Closed is final: every command is refused, clearly."
    C16 = "C16", "Every change is one timeline entry: revision (gapless from 1), time, actor, command, from, to, reason, note."
    C17 = "C17", "In this order: a `command_id` already seen is answered with its first outcome and the current state, and not applied again; a malformed command is refused; an `expected_revision` that is not current is refused as a conflict; then the rules."
    C18 = "C18", "Any status a person may reach step by step may be reached in one: To Do → Resolved, Draft → Resolved (submit's checks apply; two entries)."
    C19 = "C19", "Before a command is applied, every deadline earlier than the command's time elapses."
    C20 = "C20", "The system's own timers act as actor `system` with a reason that names them."
    C21 = "C21", "Temporal's own buttons: a cancellation request is `cancel` on a Case and on a Draft, and a refused entry otherwise."
    C22 = "C22", "Work belongs to somebody who can do it."
    T1 = "T1", "Started by hand it is Draft until submitted."
    T2 = "T2", "Submit needs title, description, category, primary contact and requester."
    T3 = "T3", "On submit the description becomes the first note (kind: submission) and is not edited any more."
    T4 = "T4", "Sending a mail from a Draft fills whichever of title and description is empty from the mail's subject and body."
    T5 = "T5", "Wait for more information may carry days to wait and close-if-no-response, which needs them."
    T6 = "T6", "Days reached without response: back to To Do, raised (C9)."
    T7 = "T7", "Any mail of the customer's side (M4: not automatic; M9: not of the desk's own people) received at or before the moment is a response and cancels the timer."
    T8 = "T8", "Resolve takes a method: customer response, no customer response, rejected, rejected as spam."
    T9 = "T9", "Where the settings require it, resolving needs evidence: a mail to the customer or a note, written by a person since the item was submitted or last reopened or brought back by a mail, a merge or an attention (a timer that brings it back voids nothing); from Draft, since it was started."
    T10 = "T10", "Send and resolve: one command sends the mail and resolves."
    T11 = "T11", "Resolved lasts for the feedback window."
    T12 = "T12", "Mail or feedback received within the window reopens: To Do, assigned to the owner, raised."
    T13 = "T13", "Window over: Closed."
    T14 = "T14", "Split (two parts or more): each part is a new Ticket, To Do, linked, with its own title and description; category, contacts, queue, due date, communications with their attachments and the original start come along; the original Waits (split) and closes when all parts are closed (a merged part counts), T18."
    T15 = "T15", "Launch a Case: a Case is started with the Ticket's contacts, notes and mails; the Case records that an item launched it; the Ticket Waits (case launched) and closes when the Case closes complete, T18."
    T16 = "T16", "Merge into another open Ticket or Case: this one closes (merged); its communications, mails with their attachments, notes and parties, appear on the target as new information, which wakes or reopens the target as a mail would."
    T17 = "T17", "A Draft can be cancelled: Closed, discarded."
    T18 = "T18", "Nothing closes over what nobody has read."
    T19 = "T19", 'On the page a mail may be taken for what it is ("this is an answer", "this is automatic"): its effects by M4 follow then, as of its receipt.'
    K1 = "K1", 'Started by hand (Draft until submitted, a short description is required), by mail, by a "start a Case" Action of another Case, by a service, or by a schedule.'
    K2 = "K2", "Submit pins the Case's definition: steps in order, each a set of Actions that run side by side."
    K3 = "K3", "The Case itself is picked up, given back and rejected as C2–C8; the first person who picks it up becomes its owner, unless it was started with one."  # noqa: RUF001 - as on the page
    K4 = "K4", "Submitting starts the first step's Actions."
    K5 = "K5", "While the Case waits, no new Action starts, by the flow or by hand; running ones may finish."
    K6 = "K6", "Wait types: more information (with what is waited for: customer, third party, …), until, pause."
    K7 = "K7", "An Action that ends unable to complete: the Case goes to To Do, needs attention, assigned to its owner (without one: in its queue), raised, and the owner and the `notify` addresses are told by mail; the info card shows which Action and why."
    K8 = "K8", "The owner may (anyone, while there is no owner): rework from an earlier step, or from chosen ended Actions of this step; pause and end the pause; start or restart Actions by hand; reset to In Progress; cancel."
    K9 = "K9", "Reset to In Progress accepts the failed Actions as not done, assigns the Case to the actor and goes on; refused when no attention is needed."
    K10 = "K10", "Rework from a step closes the running Actions of the flow (outcome cancelled, reason rework), whose holders are told, and starts copies from that step on."
    K11 = "K11", "Resolving by hand with open Actions is refused and lists them."
    K12 = "K12", "Cancel closes the Case at once: aborted, no window, never reopened; whoever opens it is told so."
    A1 = "A1", "An Action starts To Do, and only by its Case, which is its parent workflow; any other start fails."
    A2 = "A2", "Wait types: more information, until."
    A3 = "A3", "Resolve: complete, or unable to complete with a reason (required)."
    A4 = "A4", "It reports its end to its Case exactly once, whatever crashed meanwhile."
    A5 = "A5", "Mail to a closed Action starts a new item (or, where the mailbox opts for `parent_first`, goes to its open Case)."
    A6 = "A6", "Peer review, where the definition asks for it: complete by the performer makes it To Do, in review, for somebody else (not a robot, not the performer); who performed stays on record as who did it, beside who reviewed."
    A7 = "A7", "A checklist, where defined, must be fully answered (yes, no, not applicable) before complete."
    A8 = "A8", "Kinds: by hand; send mail; send mail and wait for the reply; wait for sub-Cases; start a Case; call a service (HTTP)."
    A9 = "A9", "Separation of duties: an Action of a definition may name Actions (`not_by`) whose performers may neither start, complete nor review it; the refusal names who may not."
    A10 = "A10", "A person who ends an Action that waits for sub-Cases is told which are open, and says whether they are cancelled or go on; they stay linked."
    D1 = "D1", "A due rule: an amount of time from submission, calendar time or working time of a named calendar (time zone, opening hours, holidays), fixed at submit."
    D2 = "D2", "Which waits stop the clock: none unless the rule says add wait time; then all, or the types the rule names (naming types without it is refused)."
    D3 = "D3", "Colours: green, amber (due within the at-risk margin), red (overdue), grey (Draft, Resolved, Closed or clock stopped)."
    D4 = "D4", "Reopening keeps the original due date."
    D5 = "D5", "While the clock is stopped the due date is hidden and the remaining time shown: \"Due: paused 3 h 20 m before due\", \"Due: paused 1 h 5 m after overdue\"; in French \"Attendue : Pause 3 h 20 m avant l'échéance\", \"Attendue : Pause 1 h 5 m après le retard\"."
    Q1 = "Q1", "The next item of a queue: overdue first, then robot-rejected, then soonest due, then oldest."
    Q2 = "Q2", "Robots are offered the kinds a queue allows them (Actions by default), never what a robot rejected."
    Q3 = "Q3", "Where a lease is set, a robot that vanishes holding an item loses it when the lease is over: the item goes back as C5."
    M1 = "M1", "A mail belongs to an item by, in order: In-Reply-To or References of a mail we sent (its id is signed) or got; the item's own address (`desk+T-…@…`); the reference in the subject in brackets."
    M2 = "M2", "No item, or a closed one: a new item as the mailbox's route says (Ticket of a category, or Case of a definition), whatever the mail lacks (\"(no subject)\")."
    M3 = "M3", "Accepted means durable: the mail server is told OK only when the mail cannot be lost any more; if that is impossible now it is told to try again later."
    M4 = "M4", "Who writes decides what a mail does."
    M5 = "M5", "Mail out: queued with the change that caused it, sent at least once with one stable Message-ID, threaded, with the reference in the subject."
    M6 = "M6", "Attachments and bodies live in the store; the workflow carries references and a short excerpt only."
    M7 = "M7", "Whatever cannot be parsed is kept raw in a place for dead letters and counted; it never stops the mails behind it."
    M8 = "M8", "What a person sees of a mail is all its words: of text and HTML the one that says more; bodies after bodies, attached mails, winmail.dat, invitations and opaque signatures opened; characters by the labels as the world uses them (WHATWG), and by what the bytes say where the label is wrong; the HTML itself, made safe, with its inline pictures, on demand."
    M9 = "M9", "The sender is the address of From (never what stands in its display name); a Reply-To is who is answered, and who becomes the contact where From is the desk's own form, a list or no-reply."
    L = "L", "Items of the v2020.1 model come over as this table says."
    CHAPTER_10 = "chapter 10", 'A cell is what an allowed command leads to; "–" is refused (`NotAllowed`), "=" is accepted and changes nothing (no entry).'  # noqa: RUF001 - as on the page
    # fmt: on

    @classmethod
    def of(cls, number: str | None) -> "Rule | None":
        """Return the rule of this number; None if there is none, as of a newer version."""
        return next((rule for rule in cls if rule == number), None)

    @property
    def anchor(self) -> str:
        """Name of the place in docs/status-model.md that a link to the rule leads to."""
        return self.lower().replace(" ", "-")
