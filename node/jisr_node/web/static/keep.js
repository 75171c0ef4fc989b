// Keeps what is written in a form while it is written, so that a reload or a closed computer loses nothing.
"use strict";
for (const form of document.querySelectorAll("form[data-keep]")) {
  const keep = () => fetch(form.dataset.keep, { method: "POST", body: new URLSearchParams(new FormData(form)), keepalive: true }).catch(() => {});
  form.addEventListener("change", keep);
}
