// What the console does better with a script: live figures, filters without a reload, a key.
// Without it every page works by links and forms.
"use strict";

const LIVE_EVERY = 5000;
const QUIET_AFTER = 30 * 60 * 1000; // as the session: a page that nobody looks at asks no more
let lastTouch = Date.now();
for (const kind of ["pointerdown", "keydown", "scroll"])
  addEventListener(kind, () => { lastTouch = Date.now(); }, { passive: true });

const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

// Put new content in place, but keep what the keyboard stands on.
function replace(place, nodes) {
  if (place.contains(document.activeElement) && document.activeElement !== place) return;
  place.replaceChildren(...nodes);
}

const live = document.querySelector("[data-live]");
async function refresh() {
  if (document.hidden || Date.now() - lastTouch > QUIET_AFTER) return;
  try {
    const answer = await fetch(live.dataset.live, { headers: { "x-live": "1" }, cache: "no-store" });
    if (answer.status === 401) location.reload();
    live.classList.toggle("stale", !answer.ok);
    if (!answer.ok) return;
    const page = parsed(await answer.text());
    replace(live, (page.getElementById("live") ?? page.body).childNodes);
  } catch {
    live.classList.add("stale"); // away: the figures are old, and look it
  }
}
if (live) {
  setInterval(refresh, LIVE_EVERY);
  document.addEventListener("visibilitychange", refresh);
}

const filter = document.querySelector("form[data-filter]");
if (filter) {
  const results = document.getElementById(filter.dataset.filter);
  let asked = null;
  let typing = 0;
  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const fields = [...new FormData(filter)].filter(([, text]) => text.trim());
    const query = new URLSearchParams(fields).toString();
    const address = filter.getAttribute("action") + (query ? `?${query}` : "");
    try {
      const answer = await fetch(address, { signal: asked.signal });
      if (answer.redirected || !answer.ok) { location.assign(address); return; }
      const page = parsed(await answer.text());
      results.replaceChildren(...page.getElementById(results.id).childNodes);
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  };
  filter.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  filter.addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(ask, event.target.tagName === "SELECT" ? 0 : 250);
  });
}

addEventListener("keydown", (event) => {
  const writes = event.target.closest("input, select, textarea");
  if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector("[data-focus]");
  if (field) { event.preventDefault(); field.focus(); field.select(); }
});
