// Dialogs, menus, the navigation of narrow screens, and the reader's time zone.
import { listKeys } from "./keys.js";

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.opens);
    const list = dialog.querySelector("[data-keys]");
    if (list) listKeys(list);
    dialog.showModal();
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) document.getElementById(closer.dataset.closes).close();
  const toggler = event.target.closest("[data-toggles]");
  if (toggler) {
    const part = document.getElementById(toggler.dataset.toggles);
    toggler.setAttribute("aria-expanded", String(part.classList.toggle("open")));
  } else if (!event.target.closest(".navigation")) {
    document.querySelector(".navigation.open")?.classList.remove("open");
    document.querySelector("[data-toggles=navigation]")?.setAttribute("aria-expanded", "false");
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.target.matches("dialog[open]")) event.target.close();
});

// A cookie tells the server the reader's time zone; the page reloads if it was rendered for another one.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const zoneCookie = document.cookie.match(/(?:^|; )casekeep_zone=([^;]*)/)?.[1];
if (zone && zoneCookie !== encodeURIComponent(zone)) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `casekeep_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax${secure}`;
  const isStored = document.cookie.includes("casekeep_zone=");
  if (isStored && !zoneCookie && document.documentElement.dataset.zone === "UTC" && zone !== "UTC"
      && document.body.dataset.live) location.reload();
}
