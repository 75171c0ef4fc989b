// Sends the form after a pause, and says when it was kept. Without it the buttons do the same.
"use strict";
(() => {
  const form = document.querySelector("form.write[data-again]");
  if (!form || !window.fetch) return;
  const kept = form.querySelector(".kept");
  let timer = 0, sending = false, again = false;
  const say = (words, harm) => { kept.textContent = words; kept.classList.toggle("harm", harm); };
  const send = async () => {
    if (sending) { again = true; return; }
    if (form.querySelector(".gone:checked")) return; // rows move: only the button does that
    sending = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(new FormData(form)),
      });
      const told = await answer.json();
      if (told.outcome === "aside") { say(form.dataset.aside, true); return; }
      form.elements.seen.value = told.seen;
      if (told.again && !again) { location.replace(location.pathname + "?step=" + form.elements.step.value + "&said=merged"); return; }
      say(told.said, false);
    } catch {
      say(form.dataset.again, true);
      timer = setTimeout(send, 10000);
    } finally {
      sending = false;
      if (again) { again = false; send(); }
    }
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, 1500); });
  form.addEventListener("submit", () => clearTimeout(timer));
})();
