// Selection of rows in a list: the count, "select all", ranges with Shift, and clearing after a bulk command.
const picks = () => [...document.querySelectorAll("[data-pick]")];

export function count() {
  const said = document.querySelector("[data-chosen]");
  if (!said) return;
  const all = picks(), chosen = all.filter((one) => one.checked).length;
  said.textContent = (chosen === 1 ? said.dataset.one : said.dataset.other).replace("{count}", chosen);
  said.closest("form").classList.toggle("shown", chosen > 0);
  const every = document.querySelector("[data-pick-all]");
  if (every) {
    every.checked = chosen > 0 && chosen === all.length;
    every.indeterminate = chosen > 0 && chosen < all.length;
  }
}

let last;
document.addEventListener("click", (event) => {
  const pick = event.target.closest("[data-pick]");
  if (pick && event.shiftKey && last?.isConnected) {
    const all = picks(), [from, to] = [all.indexOf(last), all.indexOf(pick)].sort((a, b) => a - b);
    all.slice(from, to + 1).forEach((one) => { one.checked = pick.checked; });
  }
  if (pick) last = pick;
  const remover = event.target.closest("[data-removes]");
  if (remover) document.getElementById(remover.dataset.removes)?.replaceChildren();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick-all]")) {
    picks().forEach((one) => { one.checked = event.target.checked; });
  }
  if (event.target.matches("[data-pick], [data-pick-all]")) count();
});
document.body.addEventListener("htmx:after:swap", (event) => {
  const results = document.getElementById("results");
  if (results && event.detail?.ctx?.sourceElement?.closest?.("#bulk")) {
    picks().forEach((one) => { one.checked = false; });
    document.querySelectorAll("#bulk details[open]").forEach((one) => { one.open = false; });
    results.focus();
  }
  count();
});
count();
