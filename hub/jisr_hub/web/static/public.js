// Results while somebody types, and two buttons. Every page works without this file.
"use strict";

(() => {
  const WAIT_MS = 250;
  let asking = null;

  // Puts the results of an address in place of those that are shown. The page itself is asked for, so both are one.
  async function show(address, keep) {
    if (asking) asking.abort();
    const mine = (asking = new AbortController());
    let text;
    try {
      const answer = await fetch(address, { signal: mine.signal, headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      text = await answer.text();
    } catch {
      return; // the next letter came, or the network went: what is shown stays
    }
    if (mine.signal.aborted) return;
    const found = new DOMParser().parseFromString(text, "text/html");
    const results = found.getElementById("results");
    const shown = document.getElementById("results");
    if (!results || !shown) return;
    shown.replaceWith(results);
    document.title = found.title;
    if (keep === "replace") history.replaceState(null, "", address);
    if (keep === "push") history.pushState(null, "", address);
  }

  function addressOf(form) {
    const pairs = [...new FormData(form)].filter(([, value]) => value.trim() !== "");
    const asked = new URLSearchParams(pairs).toString();
    return form.getAttribute("action") + (asked ? "?" + asked : "");
  }

  const form = document.getElementById("ask");
  if (form && !document.getElementById("map")) {
    let timer = 0;
    let typed = false; // the first letter of a question begins a new step back, the others stay in it
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        show(addressOf(form), typed ? "replace" : "push");
        typed = true;
      }, WAIT_MS);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      show(addressOf(form), typed ? "replace" : "push");
      typed = false;
    });
    addEventListener("popstate", () => {
      const asked = new URLSearchParams(location.search);
      for (const name of ["q", "near"]) form.elements[name].value = asked.get(name) || "";
      typed = false;
      show(location.href, "");
    });
  }

  const share = document.getElementById("share");
  if (share) {
    share.addEventListener("focus", () => share.select());
  }
})();
