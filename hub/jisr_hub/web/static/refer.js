// Seals what somebody writes to the key of an organization, in this browser (docs/spec/sealed.md), and leaves it at the
// hub, which cannot read it. Without X25519 the form stays hidden and the page says to print the sheet.
"use strict";

const form = document.querySelector("form[data-to]");
const told = form.dataset;
const utf8 = new TextEncoder();
const field = (name) => document.getElementById(name);
const began = performance.now();

const text = (bytes) =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const bytes = (spelled) =>
  Uint8Array.from(atob(spelled.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const joined = (...parts) => parts.reduce((before, part) => Uint8Array.of(...before, ...part), new Uint8Array());
const number = (value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

// CAN-6, CAN-8: form C, line feeds, and no character that could turn or hide text
const clean = (written) =>
  written.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g, "")
    .normalize("NFC").trim();

// RFC 8785 for what stands here: names in order, no numbers
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).filter((name) => value[name] !== undefined).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

// the hub's clock, since this one may be wrong
const now = () => Date.parse(told.now) + Math.round(performance.now() - began);
const instant = (milliseconds) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");

function message() {
  const sheet = { consent: field("agreed").checked, need: clean(field("need").value) };
  if (field("urgency").value) sheet.urgency = field("urgency").value;
  const languages = clean(field("spoken").value).split(/[\s,]+/).filter((tag) => /^[a-z]{2,3}$/.test(tag)).slice(0, 8);
  if (languages.length) sheet.languages = languages;
  const sender = { kind: field("organization").checked ? "organization" : "person" };
  if (clean(field("sender").value)) sender.name = clean(field("sender").value);
  const sent = now();
  return {
    about: { id: told.id, node: told.to },
    expires: instant(sent + Number(told.days) * 86400000),
    id: crypto.randomUUID(),
    lang: told.lang,
    purpose: "referral",
    referral: sheet,
    reply: clean(field("reply").value),
    sender,
    sent: instant(sent),
    text: clean(field("words").value) || sheet.need,
    to: told.to,
  };
}

function padded(value) {
  const raw = utf8.encode(canonical(value));
  const size = told.sizes.split(" ").map(Number).find((most) => raw.length < most);
  if (!size) throw new Error("long");
  const plain = new Uint8Array(size);
  plain.set(raw);
  plain[raw.length] = 10;
  return plain;
}

// RFC 7518 section 4.6.2 with SHA-256: one round, for 256 bits, without apu and apv
async function derived(shared) {
  const name = utf8.encode("A256GCM");
  const input = joined(number(1), shared, number(name.length), name, number(0), number(0), number(256));
  return crypto.subtle.importKey("raw", await crypto.subtle.digest("SHA-256", input), "AES-GCM", false, ["encrypt"]);
}

async function sealed(value) {
  const plain = padded(value);
  const passing = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const theirs = await crypto.subtle.importKey("raw", bytes(told.key), { name: "X25519" }, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "X25519", public: theirs }, passing.privateKey, 256);
  const key = await derived(new Uint8Array(shared));
  const x = text(new Uint8Array(await crypto.subtle.exportKey("raw", passing.publicKey)));
  const epk = { crv: "X25519", kty: "OKP", x };
  const header = text(utf8.encode(canonical({ alg: "ECDH-ES", enc: "A256GCM", epk, kid: told.kid, typ: told.typ })));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const how = { name: "AES-GCM", iv, additionalData: utf8.encode(header) };
  const whole = new Uint8Array(await crypto.subtle.encrypt(how, key, plain));
  return [header, "", text(iv), text(whole.subarray(0, -16)), text(whole.subarray(-16))].join(".");
}

function say(which) {
  for (const one of document.querySelectorAll("[data-when]")) one.hidden = one.dataset.when !== which;
  const shown = document.querySelector(`[data-when="${which}"]`);
  if (shown) shown.focus();
}

async function send(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const body = await sealed(message());
    const headers = { "Content-Type": "application/jose" };
    const answer = await fetch(told.place, { method: "POST", body, headers, credentials: "omit", referrerPolicy: "no-referrer" });
    if (answer.status === 202) {
      form.reset();
      field("sent").submit();
      return;
    }
    const { code } = await answer.json();
    say({ mailbox_full: "full", rate_limited: "full", key_unknown: "key" }[code] || "failed");
  } catch (error) {
    say(error.message === "long" ? "long" : "failed");
  }
  button.disabled = false;
}

async function able() {
  try {
    await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
    return true;
  } catch {
    return false;
  }
}

able().then((yes) => {
  say(yes ? "able" : "unable");
  form.hidden = !yes;
  form.addEventListener("submit", send);
});
