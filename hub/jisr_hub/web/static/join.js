// Shows the invitation that stands behind the # of this page's own address, which no server ever sees.
"use strict";

const place = document.getElementById("invitation");
const link = place.dataset.address + location.hash;

if (/^#[a-z2-7]{52}\.[a-z2-7]{8,64}$/.test(location.hash)) {
  document.getElementById("link").value = link;
  for (const one of document.querySelectorAll("[data-link]")) one.textContent = link;
  place.hidden = false;
  document.getElementById("bare").hidden = true;
  // the languages of this page keep the invitation
  for (const one of document.querySelectorAll("nav.languages a")) one.hash = location.hash;
  const copy = document.getElementById("copy");
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(link);
    document.getElementById("copied").hidden = false;
  });
}
