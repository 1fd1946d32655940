// Replaces the list when a mail came or went; keeps the focus where it was.
setInterval(async () => {
  if (document.hidden || document.querySelector("details[open]")) return;
  try {
    const [count, newest = ""] = await (await fetch("/state")).json();
    const live = document.getElementById("live");
    if (live.dataset.state === `${count}:${newest}`) return;
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const focused = document.activeElement?.getAttribute("href");
    live.replaceWith(page.getElementById("live"));
    document.title = page.title;
    if (focused) document.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  } catch {
    // The inbox was stopped; it may come back.
  }
}, 1500);
