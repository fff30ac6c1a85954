// Shows a short message for a few seconds, also to screen readers.
let hiding;
export function say(sentence) {
  const said = document.getElementById("said");
  if (!said || !sentence) return;
  said.textContent = sentence;
  said.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => said.classList.remove("shown"), 4000);
}
