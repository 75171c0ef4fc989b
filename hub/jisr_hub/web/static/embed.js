/**
 * A hub's directory in any page, by one tag:
 *
 *     <script type="module" src="https://hub.example/embed.js"></script>
 *     <jisr-directory query="type=service&theme=jisr:housing" lang="ar"></jisr-directory>
 *
 * Attributes: `query` as in /v1/search, `lang` (else that of the page), `hub` (else where this script came from),
 * `view` "list" (default) or "map", `search` "no" for no field to search in. Styles of the page do not reach in; the
 * custom properties --jisr-accent, --jisr-ground and --jisr-ink do. No cookie is set or sent, and only the hub is asked.
 */

const HUB = new URL(import.meta.url).origin;
const WORDS = {
  ar: ["بحث", "النتائج: {n}", "لا توجد نتائج", "السابق", "التالي", "تعذّر الوصول إلى الدليل. حاول مرة أخرى لاحقًا.", "خريطة النتائج", "{n} كم"],
  zgh: ["ⵔⵣⵓ", "ⵜⵉⵢⴰⴼⵓⵜⵉⵏ: {n}", "ⵓⵔ ⵜⵍⵍⵉ ⵜⵢⴰⴼⵓⵜ", "ⴰⵎⵣⵡⴰⵔⵓ", "ⴰⵎⴳⴳⴰⵔⵓ", "ⵓⵔ ⵉⵖⵉⵢ ⴰⴷ ⵉⵍⴽⵎ. ⴰⵔⵎ ⴷⴰⵖ.", "ⵜⴰⴽⴰⵕⴹⴰ", "{n} km"],
  fr: ["Chercher", "Résultats : {n}", "Aucun résultat", "Précédent", "Suivant", "L’annuaire est injoignable. Réessayez plus tard.", "Carte des résultats", "{n} km"],
  nl: ["Zoeken", "Resultaten: {n}", "Niets gevonden", "Vorige", "Volgende", "De gids is niet bereikbaar. Probeer het later opnieuw.", "Kaart van de resultaten", "{n} km"],
  es: ["Buscar", "Resultados: {n}", "Ningún resultado", "Anterior", "Siguiente", "El directorio no está disponible. Inténtelo más tarde.", "Mapa de los resultados", "{n} km"],
  da: ["Søg", "Resultater: {n}", "Intet fundet", "Forrige", "Næste", "Vejviseren kan ikke nås. Prøv igen senere.", "Kort over resultaterne", "{n} km"],
  tr: ["Ara", "Sonuç: {n}", "Sonuç yok", "Önceki", "Sonraki", "Rehbere ulaşılamıyor. Daha sonra yeniden deneyin.", "Sonuçların haritası", "{n} km"],
  en: ["Search", "Results: {n}", "Nothing found", "Previous", "Next", "The directory cannot be reached. Try again later.", "Map of the results", "{n} km"],
};
const RIGHT_TO_LEFT = /^(ar|fa|he|ur)\b/;
const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`
  :host { display: block; color: var(--jisr-ink, #1c2321); background: var(--jisr-ground, #fff); font: 1rem/1.5 system-ui, sans-serif;
    container-type: inline-size; }
  form, nav { display: flex; flex-wrap: wrap; gap: .5rem; margin-block: .75rem; }
  input, button { font: inherit; min-height: 2.75rem; padding-inline: .75rem; border: 1px solid #6a7370; border-radius: .25rem;
    color: inherit; background: transparent; }
  input { flex: 1 1 12rem; min-width: 0; }
  button { cursor: pointer; } button[disabled] { opacity: .5; cursor: default; }
  :focus-visible { outline: 3px solid var(--jisr-accent, #0b6e5f); outline-offset: 2px; }
  ul { list-style: none; margin: 0; padding: 0; } li { padding-block: .75rem; border-block-start: 1px solid #c9d0ce; }
  li a { color: var(--jisr-accent, #0b6e5f); display: inline-block; min-height: 1.5rem; font-weight: 600; overflow-wrap: anywhere; }
  p { margin: .25rem 0 0; overflow-wrap: anywhere; } svg { display: block; inline-size: 100%; max-inline-size: 36rem; block-size: auto; border: 1px solid #c9d0ce; direction: ltr; }
  svg { background: #eef2f2; background: color-mix(in srgb, var(--jisr-accent, #0b6e5f) 8%, var(--jisr-ground, #fff)); }
  .land { fill: #dcdad2; fill: color-mix(in srgb, var(--jisr-ink, #1c2321) 16%, var(--jisr-ground, #fff)); }
  svg a circle { stroke: var(--jisr-ground, #fff); stroke-width: 2; fill: var(--jisr-accent, #0b6e5f); } svg a:focus-visible circle { stroke: var(--jisr-ink, #1c2321); stroke-width: 3; }
`);
const SHORT = 200; // characters of a description
const SIDE = 400, EDGE = 24; // of a map, in its pixels
const LEAST_DEGREES = 0.5; // that a map is wide, so that there is something to know a place by
const lands = new Map();

class JisrDirectory extends HTMLElement {
  static observedAttributes = ["query", "lang", "hub", "view", "search"];
  #page = 1; #typed = ""; #asked = 0;

  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).adoptedStyleSheets = [STYLE];
    this.#draw();
  }
  attributeChangedCallback() { if (this.isConnected && this.shadowRoot) { this.#page = 1; this.#draw(); } }

  get #hub() {
    const named = this.getAttribute("hub");
    return named && /^https?:\/\//.test(named) ? new URL(named).origin : HUB;
  }
  get #lang() {
    const wanted = this.lang || document.documentElement.lang || "en";
    return wanted.split("-")[0] in WORDS ? wanted.split("-")[0] : "en";
  }
  #word(at, n) { return WORDS[this.#lang][at].replace("{n}", n === undefined ? "" : new Intl.NumberFormat(this.#lang).format(n)); }

  #draw() {
    const root = made("section", { lang: this.#lang, dir: RIGHT_TO_LEFT.test(this.#lang) ? "rtl" : "ltr" });
    if (this.getAttribute("search") !== "no") {
      const field = made("input", { type: "search", name: "q", value: this.#typed, ariaLabel: this.#word(0), autocomplete: "off" });
      const form = made("form", { role: "search" }, field, made("button", { textContent: this.#word(0) }));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#typed = field.value;
        this.#page = 1;
        this.#find();
      });
      root.append(form);
    }
    const count = made("p", { role: "status" }), shown = made("div"), pages = made("nav");
    root.append(count, shown, pages);
    this.shadowRoot.replaceChildren(root);
    this.#find();
  }
  async #find() {
    const asked = ++this.#asked, query = new URLSearchParams(this.getAttribute("query") ?? "");
    if (this.#typed) query.set("q", this.#typed);
    if (this.#page > 1) query.set("page", String(this.#page));
    query.set("lang", this.#lang);
    const [count, shown, pages] = this.shadowRoot.firstChild.querySelectorAll(":scope > p, :scope > div, :scope > nav");
    try {
      const answer = await fetch(`${this.#hub}/v1/search?${query}`, { credentials: "omit", referrerPolicy: "no-referrer" });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      if (asked !== this.#asked) return; // somebody has asked for something else since
      count.textContent = found.total ? this.#word(1, found.total) : this.#word(2);
      shown.replaceChildren(this.getAttribute("view") === "map" ? this.#map(found.hits) : "", this.#list(found.hits));
      pages.replaceChildren(...(found.of > 1 ? [this.#turn(3, -1, this.#page > 1), this.#turn(4, 1, this.#page < found.of)] : []));
      this.dispatchEvent(new CustomEvent("jisr-found", { detail: { total: found.total }, bubbles: true, composed: true }));
    } catch {
      if (asked === this.#asked) count.textContent = this.#word(5);
    }
  }
  #turn(word, step, possible) {
    const button = made("button", { type: "button", textContent: this.#word(word), disabled: !possible });
    button.addEventListener("click", () => {
      this.#page += step;
      this.#find();
      this.shadowRoot.querySelector("a")?.focus();
    });
    return button;
  }
  #list(hits) {
    return made("ul", {}, ...hits.map((hit) => {
      const name = this.#text(hit.record.name ?? hit.record.title), told = this.#text(hit.record.description ?? hit.record.summary);
      const item = made("li", {}, made("a", { href: this.#hub + hit.entry, lang: name.lang, dir: "auto", textContent: name.value || hit.id }));
      if (hit.distance_km !== undefined) item.append(" ", made("small", { textContent: this.#word(7, Math.round(hit.distance_km * 10) / 10) }));
      if (told.value) item.append(made("p", { lang: told.lang, dir: "auto", textContent: shortened(told.value) }));
      return item;
    }));
  }
  /** Where the hits are, to scale, on the land of the hub's own map: each point is a link that the keyboard reaches. */
  #map(hits) {
    const points = hits.flatMap((hit) => hit.points.map(([east, north]) => ({ hit, east, north })));
    if (!points.length) return "";
    const norths = points.map((one) => one.north), easts = points.map((one) => one.east);
    const [south, north, west, east] = [Math.min(...norths), Math.max(...norths), Math.min(...easts), Math.max(...easts)];
    const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180);
    const scale = (SIDE - 2 * EDGE) / Math.max((east - west) * squeeze, north - south, LEAST_DEGREES);
    const across = (at) => SIDE / 2 + (at - (west + east) / 2) * squeeze * scale, down = (at) => SIDE / 2 - (at - (south + north) / 2) * scale;
    const ground = drawn("path", { class: "land", "fill-rule": "evenodd", "aria-hidden": "true" });
    const map = drawn("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "group", "aria-label": this.#word(6) });
    map.append(ground);
    for (const { hit, east, north } of points) {
      const link = drawn("a", { href: this.#hub + hit.entry, "aria-label": this.#text(hit.record.name ?? hit.record.title).value || hit.id });
      link.append(drawn("circle", { cx: across(east), cy: down(north), r: 9 }));
      map.append(link);
    }
    land(this.#hub).then((rings) => ground.setAttribute("d", rings.map((ring) => coast(ring, across, down)).join("")));
    return map;
  }
  /** A text of a record in the reader's language, else in the one it was written in. */
  #text(texts) {
    const all = Object.entries(texts ?? {}).filter(([, one]) => typeof one?.value === "string");
    const best = all.find(([lang]) => lang === this.#lang) ?? all.find(([, one]) => one.origin === "author") ?? all[0];
    return best ? { lang: best[0], value: best[1].value } : { lang: "", value: "" };
  }
}
function made(tag, members = {}, ...inside) {
  const { role, ...rest } = members, element = Object.assign(document.createElement(tag), rest);
  if (role) element.setAttribute("role", role);
  element.append(...inside);
  return element;
}
function drawn(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
/** The coasts that the hub's map is drawn with, asked for once; none where they cannot be had. */
function land(hub) {
  if (!lands.has(hub)) lands.set(hub, coasts(hub).catch(() => (lands.delete(hub), [])));
  return lands.get(hub);
}
async function coasts(hub) {
  const answer = await fetch(`${hub}/static/vendor/land.json`, { credentials: "omit", referrerPolicy: "no-referrer" });
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).coordinates.flat();
}
/** A coast as a path, "" where it is out of sight; what lies far outside is moved to the edge of it. */
function coast(ring, across, down) {
  const near = (at) => Math.round(Math.min(Math.max(at, -SIDE), 2 * SIDE) * 10) / 10;
  const points = ring.map(([east, north]) => [near(across(east)), near(down(north))]);
  const spans = [0, 1].every((axis) => points.some((one) => one[axis] > 0) && points.some((one) => one[axis] < SIDE));
  const kept = spans ? points.filter(([x, y], at) => !at || x !== points[at - 1][0] || y !== points[at - 1][1]) : [];
  return kept.length > 2 ? `M${kept.map((one) => one.join(" ")).join("L")}z` : "";
}
const shortened = (text) => (text.length > SHORT ? `${text.slice(0, text.lastIndexOf(" ", SHORT))}…` : text);

if (!customElements.get("jisr-directory")) customElements.define("jisr-directory", JisrDirectory);
