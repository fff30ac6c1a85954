// Keyboard shortcuts: data-key="n", data-key="g i" (one key after the other), and for rows of a list
// j, k, Enter and x. Elements with a key and data-key-label are listed under "?".
const rows = () => [...document.querySelectorAll("[data-row]")];
let first = "", forgetting, at = -1;

function isTyping(target) {
  return target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
}

function choose(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.getAttribute("aria-selected") === "true");
  at = Math.max(0, Math.min(all.length - 1, (now < 0 && at >= 0 ? at : now) + step));
  all.forEach((row, number) => {
    if (number === at) row.setAttribute("aria-selected", "true");
    else row.removeAttribute("aria-selected");
  });
  const link = all[at].querySelector("a");
  link?.focus();
  all[at].scrollIntoView({ block: "nearest" });
}

function act(element) {
  if (element.matches("input, textarea, select")) {
    element.focus();
    element.select?.();
  } else if (element.matches("summary")) {
    element.parentElement.open = !element.parentElement.open;
    const within = element.parentElement.querySelector(":scope > .menu-body")
      ?.querySelector("input:not([type=hidden]), select, textarea");
    (element.parentElement.open && within ? within : element).focus();
  } else element.click();
}

function bound(keys) {
  return [...document.querySelectorAll("[data-key]")].find(
    (one) => one.dataset.key === keys && !one.disabled && !one.closest("[inert]"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.menu[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
    if (isTyping(event.target)) event.target.blur();
    return;
  }
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const key = event.key;
  if (key.length !== 1) return;
  clearTimeout(forgetting);
  const keys = first ? `${first} ${key}` : key;
  const element = bound(keys);
  const goesOn = !first && document.querySelector(`[data-key^="${CSS.escape(key)} "]`);
  first = "";
  if (element) {
    event.preventDefault();
    act(element);
  } else if (goesOn) {
    first = key;
    forgetting = setTimeout(() => { first = ""; }, 1500);
  } else if (key === "j" || key === "k") {
    event.preventDefault();
    choose(key === "j" ? 1 : -1);
  } else if (key === "x") {
    document.querySelector('[data-row][aria-selected="true"] [data-pick]')?.click();
  }
});

export function listKeys(list) {
  const known = new Map();
  for (const one of document.querySelectorAll("[data-key][data-key-label], [data-also-key]")) {
    const key = one.dataset.key || one.dataset.alsoKey;
    if (key && !one.disabled) known.set(key, one.dataset.keyLabel);
  }
  list.replaceChildren(...[...known].flatMap(([keys, label]) => {
    const term = document.createElement("dt"), said = document.createElement("dd");
    keys.split(" ").forEach((key, number) => {
      if (number) term.append(" ");
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      term.append(kbd);
    });
    said.textContent = label;
    return [term, said];
  }));
}
