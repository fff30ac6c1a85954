// What every page does beside its links and forms: live changes, keys, dialogs, the reader's zone.
import "./bulk.js";
import "./keys.js";
import "./live.js";
import "./parts.js";

// What htmx sends of itself says whose page it is, as forms do by a field.
const csrf = document.querySelector("meta[name=csrf]")?.content;
document.body.addEventListener("htmx:config:request", (event) => {
  if (csrf) event.detail.ctx.request.headers["X-CSRF-Token"] = csrf;
});
