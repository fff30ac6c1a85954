// Scripts of every page: live updates, keyboard shortcuts, dialogs, the reader's time zone.
import "./bulk.js";
import "./keys.js";
import "./live.js";
import "./menus.js";

// Requests of htmx carry the CSRF token in a header, as forms do in a field.
const csrf = document.querySelector("meta[name=csrf]")?.content;
document.body.addEventListener("htmx:config:request", (event) => {
  if (csrf) event.detail.ctx.request.headers["X-CSRF-Token"] = csrf;
});
