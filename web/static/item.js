// Page of an item: reloads its parts when the item changes, except a part in which somebody is writing.
import { say } from "./status_message.js";

const item = () => document.getElementById("item");
let loading = false, again = false;

function isWritten(part) {
  // after a refusal the form's text is not sent yet
  if (part.querySelector("[data-refusal], [aria-invalid]")) return true;
  if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return true;
  return [...part.querySelectorAll("form[data-keeps]")].some((form) =>
    [...form.querySelectorAll("textarea, input:not([type=hidden])")].some(
      (field) => (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue)));
}

const opened = (part) => [...part.querySelectorAll("details[open][id]")].map((one) => one.id);

// Compares two renderings without their idempotency keys, revisions and opened details, which always differ.
function isSame(old, fresh) {
  const marks = "input[name=idempotency_key], input[name=revision]";
  const before = [...old.querySelectorAll(marks)], after = [...fresh.querySelectorAll(marks)];
  if (before.length !== after.length) return false;
  const values = after.map((mark) => mark.getAttribute("value"));
  after.forEach((mark, at) => mark.setAttribute("value", before[at].getAttribute("value")));
  for (const one of fresh.querySelectorAll("details[id]")) one.open = opened(old).includes(one.id);
  const same = old.isEqualNode(fresh);
  after.forEach((mark, at) => mark.setAttribute("value", values[at]));
  if (same) before.forEach((mark, at) => { mark.value = values[at]; });
  return same;
}

function stale(part, fresh) {
  if (item().dataset.revision === fresh.querySelector("input[name=revision]")?.value || part.querySelector(":scope > .stale")) return;
  const notice = document.createElement("p");
  notice.className = "notice warn stale";
  notice.setAttribute("role", "status");
  notice.textContent = item().dataset.saidChanged;
  part.querySelector(".card-head")?.after(notice);
}

// Replaces only the timeline's entries that are new or differ: an entry changes only by its mail's delivery.
function lines(old, fresh) {
  const before = old.querySelector("[data-lines]"), after = fresh.querySelector("[data-lines]");
  if (!before || !after) return old.replaceWith(fresh);
  const known = new Map([...before.children].map((line) => [line.id, line]));
  for (const line of [...after.children]) {
    const same = known.get(line.id);
    if (same && same.dataset.version === line.dataset.version) line.replaceWith(same);
    else line.classList.add("fresh");
  }
  before.replaceChildren(...after.children);
}

function put(fresh) {
  const now = item(), seen = now.dataset.revision, main = now.querySelector(".item-main");
  const ids = new Set([...fresh.querySelectorAll("[data-part]")].map((part) => part.id));
  const order = [...fresh.querySelectorAll(".item-main > [data-part]")];
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (!old) continue;
    if (isWritten(old)) stale(old, part);
    else if (isSame(old, part)) continue;
    else if (part.dataset.part === "lines") lines(old, part);
    else {
      const focus = old.contains(document.activeElement) ? document.activeElement.id || document.activeElement.dataset.key : "";
      const open = opened(old);
      old.replaceWith(part);
      for (const id of open) if (document.getElementById(id)) document.getElementById(id).open = true;
      if (focus) (document.getElementById(focus) ?? part.querySelector(`[data-key="${CSS.escape(focus)}"]`))?.focus();
    }
  }
  order.forEach((part, place) => {
    if (document.getElementById(part.id)) return;
    const following = order.slice(place + 1).map((one) => document.getElementById(one.id)).find(Boolean);
    main.insertBefore(part, following ?? null);
  });
  for (const old of now.querySelectorAll("[data-part]")) {
    if (!ids.has(old.id) && !isWritten(old)) old.remove();
  }
  now.className = fresh.className;
  now.dataset.revision = fresh.dataset.revision;
  if (seen !== fresh.dataset.revision) say(document.body.dataset.saidChanged);
}

async function load() {
  if (loading) { again = true; return; }
  loading = true;
  try {
    const answer = await fetch(item().dataset.parts, { headers: { "HX-Request": "true" } });
    if (answer.status === 401 || answer.redirected) return location.reload();
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("item");
      if (fresh) put(fresh);
    }
  } catch { /* no connection: live.js shows a message, and triggers a reload once it is back */ } finally {
    loading = false;
    if (again) { again = false; load(); }
  }
}

if (item()) document.body.addEventListener("casekeep:item", load);

async function older(link) {
  link.setAttribute("aria-disabled", "true");
  const answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
  if (!answer.ok) { location.href = link.href; return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const list = document.querySelector("[data-lines]"), added = [...page.querySelectorAll("[data-lines] > li")];
  list.append(...added);
  const next = page.querySelector(".timeline-older");
  const place = link.closest(".timeline-older");
  if (next) place.replaceWith(next); else place.remove();
  const last = added.at(-1)?.id.replace("entry-", "");
  if (last) item().dataset.parts = item().dataset.parts.replace(/down_to=\d+/, `down_to=${last}`);
  const first = added[0];
  if (first) { first.tabIndex = -1; first.focus({ preventScroll: true }); }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-older]");
  if (link && item()) { event.preventDefault(); older(link); }
  const reveals = event.target.closest("[data-reveals]");
  if (reveals) {
    const move = document.getElementById(reveals.dataset.reveals);
    if (move) { move.open = true; move.scrollIntoView({ block: "nearest" }); move.querySelector("input:not([type=hidden]), select, textarea")?.focus(); }
  }
  const copies = event.target.closest("[data-copies]");
  if (copies) navigator.clipboard?.writeText(copies.dataset.copies).then(() => say(item()?.dataset.saidCopied));
  const repeat = event.target.closest("[data-repeat]");
  if (repeat) {
    const list = repeat.parentElement.querySelector("[data-repeats]"), number = list.children.length;
    const part = list.lastElementChild.cloneNode(true);
    for (const field of part.querySelectorAll("input, textarea")) { field.id = field.id.replace(/\d+/, number); field.value = ""; }
    for (const label of part.querySelectorAll("label")) {
      label.htmlFor = label.htmlFor.replace(/\d+/, number);
      label.textContent = label.textContent.replace(/\d+/, number + 1);
    }
    list.append(part);
    part.querySelector("input").focus();
  }
});

// An opened form takes the focus; Escape closes it and returns the focus to its button.
document.addEventListener("toggle", (event) => {
  const details = event.target;
  if (!details.matches?.("details.move, details.writer") || !details.open) return;
  const fields = "input:not([type=hidden]):not([type=radio]), select, textarea, input[type=radio]:checked";
  const empty = [...details.querySelectorAll("textarea, input:not([type=hidden]):not([type=radio]):not([type=checkbox])")].find((field) => !field.value && field.checkVisibility());
  const wanted = details.matches(".writer") ? (details.querySelector("[aria-invalid]") ?? (empty?.name === "to" ? empty : details.querySelector("textarea"))) : details.querySelector("[aria-invalid]") ?? [...details.querySelectorAll(fields)].find((field) => field.checkVisibility());
  if (document.activeElement === document.body || details.contains(document.activeElement)) wanted?.focus();
}, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const details = event.target.closest?.("details.move[open], details.writer[open]");
  if (details) { details.open = false; details.querySelector("summary").focus(); }
});

// Warns before unsent text is lost, and prevents that a form is submitted twice.
let isSending = false;
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "true";
  isSending = true;
});
window.addEventListener("pageshow", () => {
  isSending = false;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
window.addEventListener("beforeunload", (event) => {
  if (isSending) return;
  const texts = document.querySelectorAll("form[data-keeps] textarea");
  if ([...texts].some((text) => text.value.trim() && text.value !== text.defaultValue)) event.preventDefault();
});

const refusal = document.querySelector("[data-refusal]");
if (refusal) {
  const wrong = refusal.closest("form")?.querySelector("[aria-invalid]") ?? document.querySelector("form [aria-invalid]");
  (wrong ?? refusal).focus();
  refusal.scrollIntoView({ block: "nearest" });
}
