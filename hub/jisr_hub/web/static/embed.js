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
  ar: ["بحث", "{n} نتيجة", "لا توجد نتائج", "السابق", "التالي", "تعذّر الوصول إلى الدليل. حاول مرة أخرى لاحقًا.", "خريطة النتائج", "{n} كم"],
  zgh: ["ⵔⵣⵓ", "{n} ⵏ ⵜⵢⴰⴼⵓⵜⵉⵏ", "ⵓⵔ ⵜⵍⵍⵉ ⵜⵢⴰⴼⵓⵜ", "ⴰⵎⵣⵡⴰⵔⵓ", "ⴰⵎⴳⴳⴰⵔⵓ", "ⵓⵔ ⵉⵖⵉⵢ ⴰⴷ ⵉⵍⴽⵎ. ⴰⵔⵎ ⴷⴰⵖ.", "ⵜⴰⴽⴰⵕⴹⴰ", "{n} km"],
  fr: ["Chercher", "{n} résultats", "Aucun résultat", "Précédent", "Suivant", "L’annuaire est injoignable. Réessayez plus tard.", "Carte des résultats", "{n} km"],
  nl: ["Zoeken", "{n} resultaten", "Niets gevonden", "Vorige", "Volgende", "De gids is niet bereikbaar. Probeer het later opnieuw.", "Kaart van de resultaten", "{n} km"],
  es: ["Buscar", "{n} resultados", "Ningún resultado", "Anterior", "Siguiente", "El directorio no está disponible. Inténtelo más tarde.", "Mapa de los resultados", "{n} km"],
  da: ["Søg", "{n} resultater", "Intet fundet", "Forrige", "Næste", "Vejviseren kan ikke nås. Prøv igen senere.", "Kort over resultaterne", "{n} km"],
  tr: ["Ara", "{n} sonuç", "Sonuç yok", "Önceki", "Sonraki", "Rehbere ulaşılamıyor. Daha sonra yeniden deneyin.", "Sonuçların haritası", "{n} km"],
  en: ["Search", "{n} results", "Nothing found", "Previous", "Next", "The directory cannot be reached. Try again later.", "Map of the results", "{n} km"],
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
  p { margin: .25rem 0 0; overflow-wrap: anywhere; } svg { inline-size: 100%; block-size: auto; border: 1px solid #c9d0ce; direction: ltr; }
  svg a circle { fill: var(--jisr-accent, #0b6e5f); } svg a:focus-visible circle { stroke: #000; stroke-width: 3; }
`);
const SHORT = 200; // characters of a description

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
  /** Where the hits are, to scale and without a ground: each point is a link that the keyboard reaches. */
  #map(hits) {
    const points = hits.map((hit) => ({ hit, north: Number(hit.record.latitude), east: Number(hit.record.longitude) }))
      .filter(({ hit, north, east }) => hit.record.latitude && Math.abs(north) <= 90 && Math.abs(east) <= 180);
    if (!points.length) return "";
    const middle = points.reduce((sum, { north }) => sum + north, 0) / points.length;
    const across = points.map(({ east }) => east * Math.cos((middle * Math.PI) / 180)), up = points.map(({ north }) => -north);
    const width = Math.max(Math.max(...across) - Math.min(...across), Math.max(...up) - Math.min(...up), 0.01);
    const place = (values, i) => 24 + (352 * (values[i] - (Math.min(...values) + Math.max(...values)) / 2 + width / 2)) / width;
    const map = drawn("svg", { viewBox: "0 0 400 400", role: "group", "aria-label": this.#word(6) });
    points.forEach(({ hit }, i) => {
      const link = drawn("a", { href: this.#hub + hit.entry, "aria-label": this.#text(hit.record.name).value || hit.id });
      link.append(drawn("circle", { cx: place(across, i), cy: place(up, i), r: 9 }));
      map.append(link);
    });
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
const shortened = (text) => (text.length > SHORT ? `${text.slice(0, text.lastIndexOf(" ", SHORT))}…` : text);

if (!customElements.get("jisr-directory")) customElements.define("jisr-directory", JisrDirectory);
