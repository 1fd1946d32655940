// Loads the page again when a template was saved, or the preview was started anew.
const seen = document.querySelector("[data-version]").dataset.version;
setInterval(async () => {
  if (document.hidden || document.activeElement?.name === "to") return;
  try {
    if ((await (await fetch("/state")).json()) !== seen) location.reload();
  } catch {
    // The preview was stopped; it may come back.
  }
}, 500);
