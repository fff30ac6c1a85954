// Hears what changes (GET /live) and has the parts of the page that show it load themselves anew:
// they listen on body for casekeep:item, casekeep:list and casekeep:changed.
import { say } from "./said.js";

const body = document.body;
const address = body.dataset.live;
let source, wasLost = false, closing;

function trigger(name, detail) {
  body.dispatchEvent(new CustomEvent(name, { detail: detail ?? {}, bubbles: true }));
}

// Said to screen readers alone: others see it.
function shown(name, event) {
  trigger(name, JSON.parse(event.data));
  const heard = document.getElementById("heard");
  heard.textContent = "";
  setTimeout(() => { heard.textContent = body.dataset.saidChanged; }, 300);
}

function anew() {
  for (const name of ["casekeep:item", "casekeep:list", "casekeep:changed"]) trigger(name);
}

function listen() {
  if (!address || source) return;
  const since = wasLost || !body.dataset.drawn ? {} : { since: body.dataset.drawn };
  const url = new URL(address, location.href);
  for (const [name, value] of Object.entries(since)) url.searchParams.set(name, value);
  source = new EventSource(url);
  source.addEventListener("hello", () => {
    body.dataset.hears = "true";
    if (wasLost) anew();
    wasLost = false;
  });
  source.addEventListener("item", (event) => shown("casekeep:item", event));
  source.addEventListener("list", (event) => shown("casekeep:list", event));
  source.addEventListener("counts", (event) => trigger("casekeep:changed", JSON.parse(event.data)));
  source.addEventListener("anew", anew);
  source.addEventListener("error", () => {
    if (!wasLost && body.dataset.hears) say(body.dataset.saidLost);
    delete body.dataset.hears;
    wasLost = true;
  });
}

function leave() {
  source?.close();
  source = undefined;
  wasLost = true;
  delete body.dataset.hears;
}

// A browser has six connections to one host: pages that nobody sees give theirs back.
document.addEventListener("visibilitychange", () => {
  clearTimeout(closing);
  if (document.hidden) closing = setTimeout(leave, 15000);
  else listen();
});
window.addEventListener("pagehide", leave);
window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
if (!document.hidden) listen();

body.addEventListener("htmx:error", () => say(body.dataset.saidFailed));
