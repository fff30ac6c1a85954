// Listens for changes (GET /live) and triggers events on body, at which parts of the page reload:
// casekeep:item, casekeep:list and casekeep:changed.
import { say } from "./status_message.js";

const body = document.body;
const address = body.dataset.live;
let source, wasLost = false, closing;

function trigger(name, detail) {
  body.dispatchEvent(new CustomEvent(name, { detail: detail ?? {}, bubbles: true }));
}

// Announced to screen readers only: sighted readers see the change.
function shown(name, event) {
  trigger(name, JSON.parse(event.data));
  const status = document.getElementById("heard");
  status.textContent = "";
  setTimeout(() => { status.textContent = body.dataset.saidChanged; }, 300);
}

function reloadAll() {
  for (const name of ["casekeep:item", "casekeep:list", "casekeep:changed"]) trigger(name);
}

function listen() {
  if (!address || source) return;
  const since = wasLost || !body.dataset.drawn ? {} : { since: body.dataset.drawn };
  const url = new URL(address, location.href);
  for (const [name, value] of Object.entries(since)) url.searchParams.set(name, value);
  source = new EventSource(url);
  source.addEventListener("hello", () => {
    body.dataset.listening = "true";
    if (wasLost) reloadAll();
    wasLost = false;
  });
  source.addEventListener("item", (event) => shown("casekeep:item", event));
  source.addEventListener("list", (event) => shown("casekeep:list", event));
  source.addEventListener("counts", (event) => trigger("casekeep:changed", JSON.parse(event.data)));
  source.addEventListener("reload", reloadAll);
  source.addEventListener("error", () => {
    if (!wasLost && body.dataset.listening) say(body.dataset.saidLost);
    delete body.dataset.listening;
    wasLost = true;
  });
}

function leave() {
  source?.close();
  source = undefined;
  wasLost = true;
  delete body.dataset.listening;
}

// A browser has six connections to a host: hidden pages close theirs.
document.addEventListener("visibilitychange", () => {
  clearTimeout(closing);
  if (document.hidden) closing = setTimeout(leave, 15000);
  else listen();
});
window.addEventListener("pagehide", leave);
window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
if (!document.hidden) listen();

body.addEventListener("htmx:error", () => say(body.dataset.saidFailed));
