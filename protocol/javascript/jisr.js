/**
 * Follow a feed of Jisr Sync 1 and hold a verified copy of it. One file, no dependency; browsers and Node 20 or newer.
 *
 *     import { Reader } from "./jisr.js";
 *     const reader = new Reader("https://hub.example/feeds/public/");
 *     const end = await reader.follow();          // {outcome: 0, stateRoot, live, refused, …}: see Reader.follow
 *     for (const record of reader.records("org.jisr.service")) console.log(record.value.name);
 *
 * Nothing of a feed is believed before it was checked: the head's signature, the bytes of each line, the author's own
 * signature of each record, the Merkle root of the log, the root of the state tree. Rules are named where they are
 * enforced, by their ids in docs/spec: READ-5, SIG-2 … What is refused is a Refusal with rule and code; a follow that
 * does not end verified leaves what was held as it was.
 *
 * Bytes and hashes, canonical JSON, forms of values, keys and signatures, heads, entries, Merkle tree, state tree,
 * snapshots, judging, the copy, the reader: in this order below.
 */

const RECORD_BYTES = 65536, ENTRY_BYTES = RECORD_BYTES + 8192, HEAD_BYTES = 65536, MEBIBYTE = 1048576;
const PAGE_ENTRIES = 256, PAGE_BYTES = PAGE_ENTRIES * (ENTRY_BYTES + 1), LARGE_BYTES = 16 * MEBIBYTE;
const DEPTH_LEVELS = 16, INFLATE_RATIO = 100, PARALLEL_FETCHES = 4, HEADS_TRIED = 3;
const SKEW_SECONDS = 600, HUB_HEAD_SECONDS = 48 * 3600, NODE_HEAD_SECONDS = 45 * 86400, HOLD_SECONDS = 14 * 86400;

/** How a follow ended; the numbers are the exit statuses of docs/spec/reading.md. */
export const OUTCOME = { VERIFIED: 0, STALE: 10, CONTRADICTED: 20, BROKEN: 21, DIVERGED: 22, TEMPORARY: 30 };
const OUTCOME_OF_RULE = { "HEAD-6": 10, "READ-2": 10, "READ-3": 20, "READ-4": 20, "KEY-8": 20, "READ-6": 22 };
const NO_CACHE_TO_BLAME = new Set(["READ-3", "READ-4", "READ-6", "KEY-8"]);

const CODES = {
  "CAN-1": "not_json", "LIM-4": "inflate_limit", "LIM-5": "encoding_unsupported", "LIM-6": "encoding_broken",
  "SIG-2": "header_invalid", "SIG-3": "key_unknown", "KEY-2": "identifier_mismatch", "KEY-6": "key_revoked",
  "KEY-8": "fork", "KEY-10": "nullified", "KEY-11": "key_revoked", "ENT-6": "crit_unknown",
  "ENT-7": "stub_without_cause", "PAGE-1": "page_missing", "PAGE-3": "seq_mismatch", "PAGE-5": "hash_mismatch",
  "PAGE-6": "malformed", "SNAP-1": "hash_mismatch", "SNAP-4": "state_mismatch", "HEAD-2": "version_unsupported",
  "HEAD-4": "key_revoked", "HEAD-5": "clock_skew", "HEAD-6": "head_expired", "HEAD-7": "epoch_jump",
  "READ-1": "identifier_mismatch", "READ-2": "head_older", "READ-3": "rollback", "READ-4": "fork",
  "READ-5": "root_mismatch", "READ-6": "state_mismatch", "READ-7": "rev_not_increasing", "READ-8": "equivocation",
  "READ-9": "not_authoritative", "READ-11": "cursor_below_floor", "READ-13": "erased", "NHD-2": "signature_invalid",
  "NHD-3": "audience_mismatch", "NHD-4": "head_older", "NHD-5": "fork", "NHD-6": "state_mismatch",
  "NHD-7": "state_mismatch", CAN: "not_canonical", LIM: "too_large", ID: "malformed", SIG: "signature_invalid",
  KEY: "key_invalid", ENT: "malformed", PAGE: "not_canonical", MRK: "proof_invalid", SNAP: "malformed",
  STA: "state_mismatch", HEAD: "malformed", NHD: "malformed", NTC: "malformed",
};

/** What came breaks a rule of docs/spec: `rule`, `code` (docs/spec/problems.md), `pointer`, `expected`, `came`. */
export class Refusal extends Error {
  constructor(rule, pointer, expected, came) {
    const code = CODES[rule] ?? CODES[rule.slice(0, rule.lastIndexOf("-"))];
    const text = (typeof came === "string" ? came : JSON.stringify(came) ?? String(came)).slice(0, 120);
    super(`${code} (${rule})${pointer && ` at ${pointer}`}: expected ${expected}; came ${text}`);
    Object.assign(this, { name: "Refusal", rule, code, pointer, expected, came: text });
  }
}
const refuse = (rule, pointer, expected, came) => { throw new Refusal(rule, pointer, expected, came); };
const below = (prefix, act) => {
  try { return act(); } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(error.rule, prefix + error.pointer, error.expected, error.came);
  }
};

// Bytes and hashes

const ENCODER = new TextEncoder(), DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = (text) => ENCODER.encode(text);
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.substr(2 * i, 2), 16));
const base64url = (bytes) => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};
const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const joined = (...parts) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
};
const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((prime) => n % prime)) PRIMES.push(n);
const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
const SHA_START = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const SHA_ROUNDS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));

/** SHA-256 (FIPS 180-4) at once: that of WebCrypto answers later, and a log has several small hashes an entry. */
export function sha256(...parts) {
  const given = parts.map((part) => (typeof part === "string" ? utf8(part) : part));
  const content = given.length === 1 ? given[0] : joined(...given), { length } = content;
  const blocks = new Uint8Array((length + 72) & ~63), view = new DataView(blocks.buffer);
  const hash = Int32Array.from(SHA_START);
  blocks.set(content);
  blocks[length] = 0x80;
  view.setUint32(blocks.length - 8, Math.floor(length / 2 ** 29));
  view.setUint32(blocks.length - 4, length << 3);
  for (let at = 0; at < blocks.length; at += 64) compress(hash, view, at);
  hash.forEach((word, i) => view.setInt32(4 * i, word)); // a block is twice as long, and all of them are read
  return blocks.slice(0, 32);
}
const W = new Int32Array(64);
function compress(hash, view, at) {
  for (let i = 0; i < 16; i++) W[i] = view.getInt32(at + 4 * i);
  for (let i = 16; i < 64; i++) {
    const x = W[i - 15], y = W[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    W[i] = W[i - 16] + s0 + W[i - 7] + s1;
  }
  let a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4], f = hash[5], g = hash[6], h = hash[7];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + SHA_ROUNDS[i] + W[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a;
    a = (t1 + s0 + ((b & c) ^ (b & d) ^ (c & d))) | 0;
  }
  hash[0] += a; hash[1] += b; hash[2] += c; hash[3] += d; hash[4] += e; hash[5] += f; hash[6] += g; hash[7] += h;
}

// Canonical JSON (docs/spec/canonical.md)

const FORBIDDEN = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]/;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** The one spelling of a value that keeps Jisr's profile (CAN-2 to CAN-8). Throws Refusal. */
export function canonical(value, pointer = "", level = 1) {
  if (typeof value === "string") {
    if (FORBIDDEN.test(value)) refuse("CAN-8", pointer, "text without control or bidirectional characters", value);
    if (value.normalize("NFC") !== value) refuse("CAN-6", pointer, "text in Unicode normalisation form C", value);
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (Math.abs(value) === Infinity) refuse("CAN-1", pointer, "a number", "one too large for any computer");
    if (!Number.isInteger(value)) refuse("CAN-3", pointer, "an integer, or a decimal number as a string", value);
    if (!Number.isSafeInteger(value)) refuse("CAN-4", pointer, "an integer within ±(2^53−1)", value);
    return String(value);
  }
  if (typeof value !== "object" || value === null) return String(value);
  if (level > DEPTH_LEVELS) refuse("CAN-7", pointer, `at most ${DEPTH_LEVELS} levels`, "a deeper one");
  const below = (member, token) => canonical(member, `${pointer}/${token}`, level + 1);
  if (Array.isArray(value)) return `[${value.map(below).join(",")}]`;
  const members = Object.keys(value).sort().map((name) => {
    if (/[^\x00-\x7f]/.test(name)) refuse("CAN-5", pointer, "member names in ASCII", name);
    const token = name.replaceAll("~", "~0").replaceAll("/", "~1");
    return `${canonical(name, pointer)}:${below(value[name], token)}`;
  });
  return `{${members.join(",")}}`;
}

/** Read one canonical JSON value (CAN-1 to CAN-8, LIM-1). `canonical` of any part of it gives the bytes that came. */
export function parseCanonical(raw, limit = RECORD_BYTES) {
  if (raw.length > limit) refuse("LIM-1", "", `at most ${limit} bytes`, `${raw.length} bytes`);
  let text, value;
  try { text = DECODER.decode(raw); value = JSON.parse(text); } catch (error) {
    refuse("CAN-1", "", "one JSON text in UTF-8 (RFC 8259)", String(error));
  }
  if (/\\u[dD]/.test(text) && halfOfAPair(value)) refuse("CAN-1", "", "no surrogate alone", text);
  if (canonical(value) !== text) refuse("CAN-2", "", "the RFC 8785 bytes of this value", text);
  return value;
}
function halfOfAPair(value) {
  const left = [value];
  while (left.length) {
    const one = left.pop();
    if (typeof one === "string" && !one.isWellFormed()) return true;
    if (Array.isArray(one)) for (const item of one) left.push(item);
    else if (isObject(one)) for (const [name, member] of Object.entries(one)) left.push(name, member);
  }
  return false;
}
const withoutEnd = (raw) => (raw.at(-1) === 10 ? raw.subarray(0, -1) : raw);

/** Cut the lines of a page or part apart, each ended by one line feed (PAGE-4). */
export function splitLines(body) {
  const lines = [];
  if (body.length && body.at(-1) !== 10) refuse("PAGE-4", "", "every line ended by a line feed", "an open last line");
  for (let at = 0, end; at < body.length; at = end + 1) lines.push(body.subarray(at, (end = body.indexOf(10, at))));
  return lines;
}

// Forms of values (docs/spec/identifiers.md)

const matching = (pattern) => (value) => typeof value === "string" && pattern.test(value);
export const is = {
  node: matching(/^jisr:[a-z2-7]{52}$/), // ID-1
  uuid: matching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/), // ID-2
  instant: (value) => // ID-3
    matching(/^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)(value) && !Number.isNaN(Date.parse(value)) &&
    new Date(value).toISOString() === value.replace("Z", ".000Z"),
  epoch: matching(/^[1-9][0-9]{0,8}-[a-z2-7]{8}$/), // ID-4
  digest: matching(/^[0-9a-f]{64}$/), // ID-5
  kid: matching(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/), // ID-6
  salt: matching(/^[A-Za-z0-9_-]{21}[AQgw]$/), // ID-7
  type: (value) => matching(/^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+\/[1-9][0-9]{0,3}$/)(value) && value.length <= 120, // ID-8
  feed: matching(/^[a-z][a-z0-9-]{0,31}$/), // ID-9
  count: (value) => Number.isSafeInteger(value) && value >= 0, // ID-10
  rev: (value) => Number.isSafeInteger(value) && value >= 1, // ID-10
  audience: (value) => ["public", "partners", "hub", "local"].includes(value), // ID-11
  text: (value) => typeof value === "string" && value !== "",
  object: isObject,
  string: (value) => typeof value === "string",
};
const oneOf = (...allowed) => (value) => allowed.includes(value);
const listOf = (fits, most) => (value) => Array.isArray(value) && value.length <= most && value.every(fits);
const tuple = (...checks) => (value) =>
  Array.isArray(value) && value.length === checks.length && checks.every((fits, i) => fits(value[i]));
const objectOf = (members) => (value) =>
  isObject(value) && Object.entries(members).every(([name, fits]) => Object.hasOwn(value, name) && fits(value[name]));

function check(rule, value, required, optional = {}, pointer = "") {
  if (!isObject(value)) refuse(rule, pointer, "an object", value);
  for (const [name, fits] of Object.entries({ ...optional, ...required })) {
    if (Object.hasOwn(value, name) ? !fits(value[name]) : name in required)
      refuse(rule, `${pointer}/${name}`, `a member ${name} of its form`, value[name] ?? "none");
  }
  return value;
}
const epochNumber = (epoch) => parseInt(epoch, 10);
const seconds = (instant) => Date.parse(instant) / 1000;

// Keys and signatures (docs/spec/signed-things.md, keys.md)

const P = 2n ** 255n - 19n, ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (a) => ((a % P) + P) % P;
const power = (base, exponent) => {
  let result = 1n;
  for (let b = base; exponent > 0n; exponent >>= 1n, b = (b * b) % P) if (exponent & 1n) result = (result * b) % P;
  return result;
};
const D = mod(-121665n * power(121666n, P - 2n)), ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);
const littleEndian = (bytes) => BigInt("0x" + hexOf(Uint8Array.from(bytes).reverse()));

function pointOf(bytes) {
  const encoded = littleEndian(bytes), sign = encoded >> 255n, y = encoded & (2n ** 255n - 1n);
  if (y >= P) return null;
  const u = mod(y * y - 1n), v = mod(D * y * y + 1n);
  let x = (u * power(v, 3n) * power((u * power(v, 7n)) % P, (P - 5n) / 8n)) % P;
  if (mod(v * x * x) === mod(-u)) x = (x * ROOT_OF_MINUS_1) % P;
  if (mod(v * x * x) !== u || (x === 0n && sign)) return null;
  if ((x & 1n) !== sign) x = P - x;
  return [x, y, 1n, (x * y) % P];
}
function addPoints([x1, y1, z1, t1], [x2, y2, z2, t2]) { // RFC 8032 section 5.1.4
  const a = mod((y1 - x1) * (y2 - x2)), b = ((y1 + x1) * (y2 + x2)) % P;
  const c = (2n * t1 * D * t2) % P, d = (2n * z1 * z2) % P;
  const e = b - a, f = mod(d - c), g = (d + c) % P, h = (b + a) % P;
  return [mod(e * f), (g * h) % P, (f * g) % P, mod(e * h)];
}
/** KEY-1: whether 32 bytes are the one encoding of a point of prime order. */
function isKey(bytes) {
  const point = pointOf(bytes);
  if (!point || (point[0] === 0n && point[1] === 1n)) return false;
  let sum = [0n, 1n, 1n, 0n], double = point;
  for (let left = ORDER; left > 0n; left >>= 1n, double = addPoints(double, double))
    if (left & 1n) sum = addPoints(sum, double);
  return mod(sum[0]) === 0n && sum[1] === sum[2];
}
const goodKeys = new Map();
/** KEY-1: exactly crv, kty and x, and x a key. */
const isJwk = (value) => {
  if (!isObject(value) || Object.keys(value).sort().join() !== "crv,kty,x" || !is.kid(value.x)) return false;
  if (value.crv !== "Ed25519" || value.kty !== "OKP") return false;
  if (!goodKeys.has(value.x)) goodKeys.set(value.x, isKey(fromBase64url(value.x)));
  return goodKeys.get(value.x);
};
const SMALL_ORDER = new Set([ // the y of R, whose sign is cleared: libsodium's list
  "00".repeat(32), "01" + "00".repeat(31), "ec" + "ff".repeat(30) + "7f", "ed" + "ff".repeat(30) + "7f",
  "ee" + "ff".repeat(30) + "7f", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]);
const thumbprints = new Map();
const thumbprint = (x) => { // KEY-13: the kid follows from the key's bytes
  if (!thumbprints.has(x)) thumbprints.set(x, base64url(sha256(canonical({ crv: "Ed25519", kty: "OKP", x }))));
  return thumbprints.get(x);
};
const protectedHeader = (kid, kind) => base64url(utf8(`{"alg":"Ed25519","kid":"${kid}","typ":"jisr-${kind}+jws"}`));
const imported = new Map();
const importKey = (x) => {
  const usages = [{ name: "Ed25519" }, false, ["verify"]];
  if (!imported.has(x)) imported.set(x, crypto.subtle.importKey("raw", fromBase64url(x), ...usages));
  return imported.get(x);
};

/** A signed thing: kind, jws, value, and its canonical bytes as text. */
const thingOf = (kind, jws, value) => ({ kind, jws, value, body: canonical(value) });
const digestOf = (kind, body) => hexOf(sha256(`jisr-${kind}-1\0`, body));
export const thingDigest = (thing) => (thing.digest ??= digestOf(thing.kind, thing.body));

/** Read a signed thing of a kind from bytes (CAN, SIG-6). */
export function parseThing(raw, kind, limit = RECORD_BYTES + 1024) {
  const value = parseCanonical(raw, limit);
  if (!isObject(value) || !isObject(value[kind]) || typeof value.jws !== "string")
    refuse("SIG-6", "", `an object with jws and ${kind}`, value);
  return thingOf(kind, value.jws, value[kind]);
}
function claimedKid(jws) {
  try { return JSON.parse(DECODER.decode(fromBase64url(jws.split("..")[0]))).kid; } catch { return undefined; }
}
/** Begin to check a signature under the key it names, long before somebody waits for the answer. */
function signatureFits(thing, x) {
  const [header, signature] = thing.jws.split("..");
  thing.fits ??= new Map();
  if (!thing.fits.has(x)) {
    const bytes = fromBase64url(signature), r = bytes.slice(0, 32);
    r[31] &= 0x7f;
    const fits = SMALL_ORDER.has(hexOf(r)) ? Promise.resolve(false) : importKey(x).then((key) =>
      crypto.subtle.verify("Ed25519", key, bytes, utf8(`${header}.${base64url(utf8(thing.body))}`)));
    fits.catch(() => {});
    thing.fits.set(x, fits);
  }
  return thing.fits.get(x);
}
const SIGNATURE = /^[A-Za-z0-9_-]{85}[AQgw]$/;

/** Check a detached JWS (SIG-1 to SIG-5, KEY-6) under keys, kid → {x, revoked}; resolves to the kid. */
export async function verifyThing(thing, keys) {
  const cut = thing.jws.indexOf(".."), header = thing.jws.slice(0, cut), signature = thing.jws.slice(cut + 2);
  if (cut < 0 || signature.includes("."))
    refuse("SIG-1", "/jws", "a detached JWS: header, two dots, signature", thing.jws);
  const kid = claimedKid(thing.jws);
  if (!is.kid(kid) || header !== protectedHeader(kid, thing.kind))
    refuse("SIG-2", "/jws", `the header of a ${thing.kind} and nothing more`, header);
  const key = keys.get(kid) ?? refuse("SIG-3", "/jws", "a signing key of the writer", kid);
  if (key.revoked) refuse("KEY-6", "/jws", "a key that is not revoked", kid);
  if (!SIGNATURE.test(signature)) refuse("SIG-4", "/jws", "86 characters of strict base64url", signature);
  if (!(await signatureFits(thing, key.x))) refuse("SIG-5", "/jws", `a signature of these bytes by ${kid}`, signature);
  return kid;
}

const PLACES = (value) => // KEY-9
  isObject(value) && Object.keys(value).length <= 16 &&
  Object.entries(value).every(([name, at]) => is.feed(name) && tuple(is.epoch, is.count)(at));
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
export function identifierOf(body) { // KEY-2
  let bits = 0n, text = "";
  for (const byte of sha256("jisr-id-1\0", body)) bits = (bits << 8n) | BigInt(byte);
  for (bits <<= 4n; text.length < 52; bits >>= 5n) text = BASE32[Number(bits & 31n)] + text;
  return `jisr:${text}`;
}
const keyOf = (x, created) => ({ x, kid: thumbprint(x), state: "active", at: created, revoked: false, last: null });
const ended = (key, state, value, last = null) => ({
  ...key, state, at: value.created, reason: value.reason ?? "", revoked: state === "revoked", last,
  recovered: value.action === "recover",
});
const lastOf = (value, pointer) => {
  if (!Object.hasOwn(value, "last")) return null;
  if (!PLACES(value.last)) refuse("KEY-9", `${pointer}/last`, "feed names, each with [epoch, size]", value.last);
  return value.last;
};

async function begin(statement) {
  const value = check("KEY-1", statement.value, {
    action: oneOf("add"), created: is.instant, jwk: isJwk, n: is.count, recovery: listOf(isJwk, 4),
    role: oneOf("node", "hub"), salt: is.salt,
  }, {}, "/key");
  if (statement.kind !== "key" || value.n !== 0 || Object.hasOwn(value, "node"))
    refuse("KEY-4", "/key/n", "a first statement: n 0, no member node", value.n);
  const first = keyOf(value.jwk.x, value.created);
  await verifyThing(statement, new Map([[first.kid, first]]));
  const recovery = value.recovery.map((jwk) => keyOf(jwk.x, value.created));
  if (new Set([first, ...recovery].map((key) => key.kid)).size <= recovery.length)
    refuse("KEY-5", "/key/recovery", "no key twice", first.kid);
  const id = identifierOf(statement.body), keys = new Map([[first.kid, first]]);
  return { id, role: value.role, next: 1, keys, recovery, statements: [statement] };
}
async function admit(ring, statement) {
  if (statement.kind === "recovery") return recover(ring, statement);
  const value = check("KEY-1", statement.value,
    { action: oneOf("add", "retire", "revoke"), created: is.instant, n: is.count, node: is.node },
    { jwk: isJwk, kid: is.kid, reason: is.text }, "/key");
  if (value.node !== ring.id) refuse("KEY-3", "/key/node", ring.id, value.node);
  if (value.n !== ring.next) refuse("KEY-4", "/key/n", `the next number ${ring.next}`, value.n);
  const kid = await verifyThing(statement, ring.keys);
  if (ring.keys.get(kid).state === "retired") refuse("KEY-6", "/jws", "an active signing key", kid);
  const keys = new Map(ring.keys);
  if (value.action === "add") {
    if (!value.jwk) refuse("KEY-1", "/key", "a member jwk", "an object without it");
    const added = keyOf(value.jwk.x, value.created);
    neverNamed(ring, added, "/key/jwk");
    keys.set(added.kid, added);
  } else {
    const old = keys.get(value.kid);
    if (!old || old.revoked) refuse("KEY-5", "/key/kid", "a signing key of this chain", value.kid ?? "none");
    const state = value.action === "revoke" ? "revoked" : "retired";
    keys.set(old.kid, ended(old, state, value, state === "revoked" ? lastOf(value, "/key") : null));
  }
  return { ...ring, keys, next: ring.next + 1, statements: [...ring.statements, statement] };
}
/** A recovery statement takes number n and the place of everything after it (KEY-4). */
async function recover(ring, statement) {
  const value = check("KEY-1", statement.value, {
    action: oneOf("recover"), created: is.instant, jwk: isJwk, n: is.count, node: is.node, revoked: listOf(is.kid, 64),
  }, { reason: is.text }, "/recovery");
  if (value.node !== ring.id) refuse("KEY-3", "/recovery/node", ring.id, value.node);
  if (value.n < 1 || value.n > ring.next) refuse("KEY-4", "/recovery/n", `a number from 1 to ${ring.next}`, value.n);
  await verifyThing(statement, new Map(ring.recovery.map((key) => [key.kid, key])));
  const base = await foldKeys(ring.statements.slice(0, value.n)), last = lastOf(value, "/recovery");
  const keys = new Map(base.keys);
  for (const kid of value.revoked) {
    const key = keys.get(kid) ?? ring.keys.get(kid);
    if (key) keys.set(kid, ended(key, "revoked", value, last));
  }
  for (const [kid, key] of ring.keys) if (!keys.has(kid)) keys.set(kid, ended(key, "revoked", value, last && {}));
  const fresh = keyOf(value.jwk.x, value.created);
  neverNamed(ring, fresh, "/recovery/jwk");
  keys.set(fresh.kid, fresh);
  return { ...base, keys, next: value.n + 1, statements: [...ring.statements.slice(0, value.n), statement] };
}
function neverNamed(ring, key, pointer) {
  if (ring.keys.has(key.kid) || ring.recovery.some((one) => one.kid === key.kid))
    refuse("KEY-5", pointer, "a key that this chain has never named", key.kid);
}
/** The ring of a whole chain of key statements, first statement first (KEY-1 to KEY-5). */
export async function foldKeys(statements, expectedId) {
  let ring = null;
  for (const statement of statements) ring = ring ? await admit(ring, statement) : await begin(statement);
  if (!ring) refuse("KEY-4", "", "at least one key statement", "none");
  if (expectedId !== undefined && ring.id !== expectedId) refuse("KEY-2", "", expectedId, ring.id);
  return ring;
}
/** Read a keys.json (KEY-7). */
export function parseKeys(raw) {
  const value = parseCanonical(withoutEnd(raw), MEBIBYTE);
  if (!isObject(value) || !Array.isArray(value.keys) || !value.keys.length)
    refuse("KEY-7", "/keys", "a list of signed key statements", value);
  const kindOf = (one) => (isObject(one) && Object.hasOwn(one, "recovery") ? "recovery" : "key");
  return value.keys.map((one) => parseThing(utf8(canonical(one)), kindOf(one)));
}
/** KEY-8: a chain only grows, unless a recovery statement takes its place from some number on. */
function longer(held, offered) {
  const at = held.statements.findIndex((mine, i) =>
    offered.statements[i] && thingDigest(mine) !== thingDigest(offered.statements[i]));
  if (at >= 0) {
    const [mine, theirs] = [held.statements[at], offered.statements[at]];
    if (mine.kind === "recovery" && theirs.kind !== "recovery") return held;
    if (theirs.kind !== "recovery") refuse("KEY-8", `/keys/${at}`, thingDigest(mine), thingDigest(theirs));
    return offered;
  }
  return offered.statements.length > held.statements.length ? offered : held;
}

// What a lost key has signed (KEY-9 to KEY-12)

const lost = (ring) => [...(ring?.keys.values() ?? [])].filter((key) => key.last);
const standing = (ring) => canonical(Object.fromEntries(lost(ring).map((key) => [key.kid, key.last]))) +
  (lost(ring).length ? [...ring.keys.keys()].sort().join() : "");
const isGood = (last, [name, epoch, seq]) => {
  if (!Object.hasOwn(last, name)) return false;
  const [until, size] = last[name];
  return seq < size && (epoch === until || epochNumber(epoch) < epochNumber(until));
};
/** KEY-10: whether what `kid` signed, at `src` of its writer's own feed, counts; null for a content that is gone. */
function counts(ring, kid, src, notice = false) {
  const gone = new Map(lost(ring).filter((key) => key.recovered || !notice).map((key) => [key.kid, key.last]));
  if (kid === null) return [...gone.values()].every((last) => isGood(last, src));
  if (ring.keys.has(kid)) return !gone.has(kid) || isGood(gone.get(kid), src);
  return !ring.statements.some((one) => one.kind === "recovery" && "last" in one.value);
}
/** KEY-11: the keys that may have signed this entry, a revoked one among them where its place is proven. */
async function provenKeys(ring, entry, usual) {
  const key = usual.get(claimedKid(entry.thing.jws));
  if (!key?.revoked || entry.value.proof === undefined) return usual;
  const proof = check("KEY-11", entry.value.proof,
    { at: is.instant, head: isObject, jws: is.text, path: listOf(is.digest, 64) }, {}, "/proof");
  const head = headOf(thingOf("head", proof.jws, proof.head));
  if (!entry.src) refuse("KEY-11", "/src", "the entry's place in its writer's feed", "none");
  const [name, epoch, seq] = entry.src;
  if (head.by !== ring.id || head.name !== name || epochOfEntry(head, seq) !== epoch)
    refuse("KEY-11", "/proof/head", `a head of ${name} of ${ring.id} that holds ${epoch}`,
      `${head.name} of ${head.by}`);
  await verifyActive(head.thing, ring);
  const columns = [seq, entry.op, entry.type, entry.node, entry.id, entry.rev, entry.digest, null, proof.at];
  try {
    verifyInclusion(leafOf(...columns), seq, head.size, proof.path.map(fromHex), fromHex(head.log_root));
  } catch (error) {
    refuse("KEY-11", "/proof/path", error.expected, error.came);
  }
  return key.last && isGood(key.last, entry.src) ? new Map(usual).set(key.kid, { ...key, revoked: false }) : usual;
}
/** HEAD-4: for what is said now, the key must be neither revoked nor retired. */
export async function verifyActive(thing, ring) {
  const kid = await verifyThing(thing, ring.keys);
  if (ring.keys.get(kid).state === "retired") refuse("HEAD-4", "/jws", "an active signing key", kid);
  return kid;
}

// Heads (docs/spec/head.md) and how far two epochs are one log

const snapshotEpoch = (snap) => snap.path.replace(/^snap\//, "").split("/")[0].replace(/-[^-]*$/, "");
const FILE = { path: is.text, sha256: is.digest };
const GENS = (value) => objectOf(FILE)(value) && value.path === `gens/${value.sha256}.json`;
const SNAP = (value) => objectOf({ ...FILE, seq: is.count })(value) && is.epoch(snapshotEpoch(value)) &&
  value.path === `snap/${snapshotEpoch(value)}-${value.seq}/manifest.json`;

/** The head that a signed thing holds (HEAD-1 to HEAD-3): its members, and the thing. */
export function headOf(thing) {
  const value = thing.value;
  if (isObject(value) && typeof value.jisr === "string" && value.jisr !== "1")
    refuse("HEAD-2", "/head/jisr", "major version 1", value.jisr);
  const base = objectOf({ epoch: is.epoch, log_root: is.digest, size: is.count });
  check("HEAD-1", value, {
    bases: listOf(base, 64), by: is.node, epoch: is.epoch, expires: is.instant, floor: is.count, jisr: is.text,
    live: is.count, log_root: is.digest, name: is.feed, next: is.instant, size: is.count, state_root: is.digest,
    time: is.instant,
  }, { gens: GENS, policy: objectOf({ id: is.text, sha256: is.digest }), snap: SNAP }, "/head");
  if (value.floor > value.size || value.live > value.size)
    refuse("HEAD-3", "/head/size", "a size not below floor and live", value.size);
  if (value.expires < value.time) refuse("HEAD-3", "/head/expires", "an instant after time", value.expires);
  if (value.snap && (value.snap.seq < value.floor || value.snap.seq > value.size))
    refuse("HEAD-3", "/head/snap/seq", "a position from floor to size", value.snap.seq);
  return { ...value, thing };
}
export const parseHead = (raw) => headOf(parseThing(withoutEnd(raw), "head", HEAD_BYTES));
const rawHead = (head) => canonical({ head: head.thing.value, jws: head.thing.jws });

/** Check a head under its owner's keys, by the receiver's clock in seconds (KEY-2, SIG, HEAD-4, HEAD-5). */
export async function verifyHead(head, ring, now) {
  if (ring.id !== head.by) refuse("KEY-2", "/head/by", ring.id, head.by);
  const kid = await verifyActive(head.thing, ring);
  if (seconds(head.time) > now + SKEW_SECONDS) refuse("HEAD-5", "/head/time", "at most 10 minutes ahead", head.time);
  return kid;
}
/** HEAD-6: no promise holds longer than its role's. */
export const isExpired = (head, now, role) =>
  Math.min(seconds(head.expires), seconds(head.time) + (role === "hub" ? HUB_HEAD_SECONDS : NODE_HEAD_SECONDS)) < now;

/** What an offered head is to the one held, both verified (READ-2 to READ-4). */
export function compareHeads(stored, offered) {
  const [old, fresh] = [epochNumber(stored.epoch), epochNumber(offered.epoch)];
  if (offered.epoch !== stored.epoch) return fresh === old ? "fork" : fresh > old ? "new epoch" : "older";
  if (offered.size === stored.size)
    return ["log_root", "state_root", "live"].every((name) => offered[name] === stored[name]) ? "same" : "fork";
  return offered.size > stored.size ? "larger" : seconds(offered.time) < seconds(stored.time) ? "older" : "rollback";
}
/** How many entries of each earlier epoch a head's log begins with: no more than any later base lets it. */
function reach(head) {
  const found = new Map();
  let size = head.size;
  for (const base of [...head.bases].sort((a, b) => epochNumber(b.epoch) - epochNumber(a.epoch)))
    found.set(base.epoch, (size = Math.min(size, base.size)));
  return found;
}
const earliest = (head, fits) => [...reach(head)].filter(([, size]) => fits(size)).map(([epoch]) => epoch)
  .sort((a, b) => epochNumber(a) - epochNumber(b))[0] ?? head.epoch;
const epochOfEntry = (head, seq) => earliest(head, (size) => seq < size);

/** READ-15: the largest place verified under `stored`, a mark {size, epoch, roots}, that `offered` goes on from. */
function commonPlace(marks, stored, offered) {
  const ours = reach(stored), theirs = reach(offered);
  let found = null;
  for (const mark of marks) {
    for (const base of offered.bases) {
      const sameLog = base.epoch === mark.epoch || mark.size <= (ours.get(base.epoch) ?? -1);
      if (!sameLog || mark.size > theirs.get(base.epoch)) continue;
      const root = frontierRoot(mark.roots);
      if (mark.size === base.size && root !== base.log_root)
        refuse("READ-4", "/head/bases", `${root} for ${mark.size} entries`, base.log_root);
      if (!found || mark.size > found.size) found = mark;
    }
  }
  return found;
}
/** Of all marks at each power-of-two distance before `size` the oldest and the newest. */
function thinned(marks, size) {
  const kept = new Map();
  for (const mark of [...marks].sort((a, b) => a.size - b.size)) {
    if (mark.size > size) continue;
    const distance = size === mark.size ? 0 : Math.floor(Math.log2(size - mark.size)) + 1;
    const near = (kept.get(distance) ?? []).filter((one) => one.size !== mark.size);
    kept.set(distance, [...near.slice(0, 1), mark]);
  }
  return [...kept.values()].flat().sort((a, b) => a.size - b.size);
}

// Entries (docs/spec/entries.md)

const KIND_OF_OP = {
  put: "record", del: "tombstone", key: "key", recovery: "recovery", statement: "statement", erase: "notice",
  hold: "notice", unhold: "notice",
};
const HOP = objectOf({ by: is.node, epoch: is.epoch, seq: is.count });
const NAMED = { audience: is.audience, id: is.uuid, node: is.node, rev: is.rev, salt: is.salt };
const DERIVED = { digest: is.digest, id: is.uuid, node: is.node, rev: is.rev, type: is.type };
const MEMBERS = { // of the content of each op (ENT-2): required, optional
  put: [{ ...NAMED, type: is.type }],
  del: [{ ...NAMED, modified: is.instant, of: is.type }],
  key: [{}, { jwk: isJwk, kid: is.kid, node: is.node }],
  recovery: [{}, { jwk: isJwk, kid: is.kid, node: is.node }],
  statement: [{ id: is.uuid, n: is.count, subject: is.node, type: is.text }],
  notice: [{ by: is.node, node: is.node, max_rev: (value) => value === null || is.rev(value) }],
};

/** ENT-5: the leaf hash of an entry, of seq, op, type, node, id, rev, digest, src, at. */
export const leafOf = (...columns) => sha256("\0", JSON.stringify(["jisr-leaf-1", ...columns]));

/** Read one line of a log, with its leaf (CAN, LIM-1, LIM-2, ENT-1, ENT-2, ENT-4); its signature is not checked yet. */
export function parseEntry(raw) {
  const value = parseCanonical(raw, ENTRY_BYTES);
  check("ENT-1", value, { at: is.instant, op: is.text, seq: is.count },
    { src: tuple(is.feed, is.epoch, is.count), via: listOf(HOP, 64), crit: listOf(is.text, 16) });
  const { op, seq, at, src = null } = value, kind = Object.hasOwn(KIND_OF_OP, op) ? KIND_OF_OP[op] : null;
  let derived, thing = null;
  if (op === "out" || Object.hasOwn(value, "gone")) {
    const stub = op !== "out";
    if (stub && op !== "put" && op !== "del") refuse("ENT-7", "/gone", "a put or del: only these may become stubs", op);
    const gone = { gone: oneOf("erased", "held", "superseded") };
    check("ENT-2", value, stub ? { ...DERIVED, ...gone } : DERIVED);
    for (const name of stub ? ["jws", kind] : [])
      if (Object.hasOwn(value, name)) refuse("ENT-4", `/${name}`, "a stub without any content", name);
    derived = [value.type, value.node, value.id, value.rev, value.digest];
  } else if (op === "nodehead") {
    check("ENT-2", value, { head: isObject, jws: is.text, missing: isObject });
    check("ENT-2", value.head, { by: is.node, name: is.feed }, {}, "/head");
    const body = canonical({ head: value.head, jws: value.jws, missing: value.missing });
    derived = [null, value.head.by, value.head.name, null, digestOf("nodehead", body)];
  } else if (kind) {
    if (!isObject(value[kind]) || typeof value.jws !== "string")
      refuse("ENT-2", `/${kind}`, `a signed ${kind}: members jws and ${kind}`, Object.keys(value));
    thing = thingOf(kind, value.jws, value[kind]);
    if (utf8(thing.body).length > RECORD_BYTES) refuse("LIM-2", `/${kind}`, `at most ${RECORD_BYTES} bytes`, "more");
    derived = columnsOf(op, value, thing);
    const twice = ["type", "node", "rev", "digest", ...(kind === "notice" ? [] : ["id"])];
    const found = twice.find((name) => Object.hasOwn(value, name));
    if (found) refuse("ENT-4", `/${found}`, "no member that follows from the content", value[found]);
  } else { // ENT-8: carried, with the leaf of what it gives
    const given = (name) => (typeof value[name] === "string" ? value[name] : null);
    const body = Object.hasOwn(value, "object") ? canonical(value.object) : "null";
    const rev = Number.isInteger(value.rev) ? value.rev : null;
    derived = [given("type"), given("node"), given("id"), rev, digestOf("object", body)];
  }
  const [type, node, id, rev, digest] = derived, inner = thing?.value.crit;
  const crit = inner || value.crit ? [...(value.crit ?? []), ...(Array.isArray(inner) ? inner : ["crit"])] : [];
  const leaf = leafOf(seq, op, type, node, id, rev, digest, src, at);
  return { raw, value, seq, op, at, type, node, id, rev, digest, src, thing, gone: value.gone ?? null, crit, leaf };
}
function columnsOf(op, value, thing) {
  const [required, optional = {}] = MEMBERS[op] ?? MEMBERS.notice;
  const content = check("ENT-2", thing.value, required, optional, `/${thing.kind}`), digest = thingDigest(thing);
  if (op === "put") return [content.type, content.node, content.id, content.rev, digest];
  if (op === "del") return [content.of, content.node, content.id, content.rev, digest];
  if (op === "statement") return [content.type, content.subject, content.id, content.n, digest];
  if (thing.kind !== "notice") {
    const kid = content.jwk ? thumbprint(content.jwk.x) : content.kid ?? "";
    return [thing.kind, content.node || identifierOf(thing.body), kid, null, digest];
  }
  check("ENT-2", value, { id: (id) => id === "*" || is.uuid(id) });
  return [null, content.node, value.id, content.max_rev, digest];
}
/** Verify a put or del under its author's keys (ENT-6, ENT-7, READ-9, SIG); resolves to the kid. */
export async function acceptEntry(entry, keys, signer) {
  if (entry.crit.length) refuse("ENT-6", "/crit", "only what this version understands", entry.crit);
  if (!entry.thing) refuse("ENT-7", "/gone", "content to verify", entry.gone ?? entry.op);
  if (entry.node !== signer) refuse("READ-9", "/record/node", signer, entry.node);
  return verifyThing(entry.thing, keys);
}
const parseLines = (lines) => lines.map((line, i) => below(`/${i}`, () => parseEntry(line)));
export const parsePage = (body) => parseLines(splitLines(body));
/** LIVE-2: whether an erase, hold or unhold takes in this record. */
const reaches = (maxRev, rev) => maxRev === null || rev <= maxRev;
const matches = (entry, node, id, rev) =>
  entry.node === node && (entry.id === "*" || entry.id === id) && reaches(entry.rev, rev);
/** LIVE-3: how a version stands to the one held. */
export const orderOf = (rev, digest, heldRev, heldDigest) =>
  heldRev == null || rev > heldRev ? "rises" : rev < heldRev ? "falls" : digest === heldDigest ? "same" : "contradicts";

// The Merkle tree (docs/spec/merkle.md)

const nodeHash = (left, right) => sha256("\x01", left, right);
const bitsOf = (size) => (size > 0 ? (size % 2) + bitsOf(Math.floor(size / 2)) : 0);

/** The roots of the perfect subtrees that make up a log, largest first (MRK-1). */
export class Frontier {
  constructor(size = 0, roots = []) {
    if (roots.length !== bitsOf(size) || roots.some((root) => root.length !== 32))
      refuse("MRK-1", "", `${bitsOf(size)} hashes of 32 bytes`, `${roots.length} of them`);
    Object.assign(this, { size, roots: [...roots] });
  }
  append(leaf) {
    let node = leaf;
    for (let low = this.size; low % 2; low = Math.floor(low / 2)) node = nodeHash(this.roots.pop(), node);
    this.roots.push(node);
    this.size += 1;
  }
  root() { return frontierRoot(this.roots.map(hexOf)); }
}
const frontierRoot = (roots) =>
  roots.length ? hexOf(roots.map(fromHex).reduceRight((root, left) => nodeHash(left, root))) : hexOf(sha256());
const hexes = (frontier) => frontier.roots.map(hexOf);
const frontierOf = (size, roots) => new Frontier(size, roots.map(fromHex));

/** MRK-2: an audit path leads from a leaf to the root of a log of this size. Sizes may lie above 2^32. */
export function verifyInclusion(leaf, index, size, path, root) {
  const fits = index >= 0 && index < size && [leaf, root, ...path].every((hash) => hash.length === 32);
  if (!fits) refuse("MRK-2", "", `an audit path for leaf ${index} of ${size}`, `${path.length} hashes`);
  let [at, last, node, used] = [BigInt(index), BigInt(size - 1), leaf, 0];
  for (; last > 0n; at >>= 1n, last >>= 1n) {
    if (!(at & 1n) && at === last) continue;
    const sibling = path[used++] ?? refuse("MRK-2", "", `an audit path for leaf ${index} of ${size}`,
      `${path.length} hashes`);
    node = at & 1n ? nodeHash(sibling, node) : nodeHash(node, sibling);
  }
  if (used !== path.length || !equal(node, root)) refuse("MRK-2", "", "a path to the root", hexOf(node));
}
/** MRK-3: a log of `old` leaves is the beginning of one of `fresh` (RFC 9162 section 2.1.4.2). */
export function verifyConsistency(old, fresh, proof, oldRoot, freshRoot) {
  const fail = () => refuse("MRK-3", "", `a proof from ${old} leaves to ${fresh}`, `${proof.length} hashes`);
  if (!(old >= 0 && old <= fresh) || [oldRoot, freshRoot, ...proof].some((hash) => hash.length !== 32)) fail();
  if (old === 0 || old === fresh) {
    if (proof.length || (old === 0 && !equal(oldRoot, sha256())) ||
      (old === fresh && !equal(oldRoot, freshRoot))) fail();
    return;
  }
  if (!proof.length) fail();
  const path = bitsOf(old) === 1 ? [oldRoot, ...proof] : [...proof];
  let [fn, sn] = [BigInt(old - 1), BigInt(fresh - 1)];
  while (fn & 1n) [fn, sn] = [fn >> 1n, sn >> 1n];
  let [first, second] = [path[0], path[0]];
  for (const sibling of path.slice(1)) {
    if (sn === 0n) fail();
    if (fn & 1n || fn === sn) {
      [first, second] = [nodeHash(sibling, first), nodeHash(sibling, second)];
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else second = nodeHash(second, sibling);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  if (sn !== 0n || !equal(first, oldRoot) || !equal(second, freshRoot)) fail();
}

// The state tree and the files named by their hash (docs/spec/state-tree.md, snapshot.md, feed.md)

const FAN = 64, EMPTY = [hexOf(sha256("\0"))]; // EMPTY: the hash of a node without records, by its height
for (let height = 1; height <= 3; height++) EMPTY.push(innerHash(Array(FAN).fill(EMPTY[height - 1])));
function innerHash(children) { return hexOf(sha256("\x01", fromHex(children.join("")))); }
/** STA-1: the first 18 bits of SHA-256(node LF id). */
export const pathOf = (node, id) => {
  const hash = sha256(`${node}\n${id}`);
  return (hash[0] << 10) | (hash[1] << 2) | (hash[2] >> 6);
};
const depthFor = (live) => { let depth = 1; while (FAN ** (depth + 1) < live) depth++; return depth; };
const rowLine = ([node, id, rev, digest]) => `["${node}","${id}",${rev},"${digest}"]`;
const bucketText = (rows) => rows.map(rowLine).sort().map((line) => `${line}\n`).join("");
const bucketHash = (content) => hexOf(sha256("\0", content));

/** The tree of rows [node, id, rev, digest, path]: the hashes of what is not empty, by level, and the buckets. */
export function stateTree(rows, depth = depthFor(rows.length)) {
  const buckets = new Map();
  for (const row of rows) {
    const number = (row[4] ?? pathOf(row[0], row[1])) >> (6 * (3 - depth));
    if (buckets.has(number)) buckets.get(number).push(row); else buckets.set(number, [row]);
  }
  const levels = [new Map([...buckets].map(([number, held]) => [number, bucketHash(bucketText(held))]))];
  for (let height = 1; height <= depth; height++) {
    const below = levels[0], parents = new Set([...below.keys()].map((number) => Math.floor(number / FAN)));
    const children = (number) => Array.from({ length: FAN }, (_, i) =>
      below.get(number * FAN + i) ?? EMPTY[height - 1]);
    levels.unshift(new Map([...parents].map((number) => [number, innerHash(children(number))])));
  }
  return { depth, levels, buckets, root: levels[0].get(0) ?? EMPTY[depth] };
}
/** Read the file of an inner node whose hash is known (STA-4). */
export function parseInner(content, expected) {
  const value = parseCanonical(withoutEnd(content), LARGE_BYTES);
  if (!listOf(is.digest, FAN)(value) || value.length !== FAN) refuse("STA-4", "", `an array of ${FAN} hashes`, value);
  if (innerHash(value) !== expected) refuse("STA-4", "", `the inner node ${expected}`, innerHash(value));
  return value;
}
/** Read the file of a bucket whose hash is known (STA-2, STA-4): rows [node, id, rev, digest]. */
export function parseBucket(content, expected) {
  if (bucketHash(content) !== expected) refuse("STA-4", "", `the bucket ${expected}`, bucketHash(content));
  if (content.length && content.at(-1) !== 10)
    refuse("STA-2", "", "every line ended by a line feed", "an open last line");
  const rows = splitLines(content).map((line, number) => {
    const value = parseCanonical(line);
    if (!tuple(is.node, is.uuid, is.rev, is.digest)(value))
      refuse("STA-2", `/${number}`, "[node, id, rev, digest]", value);
    return value;
  });
  const ids = new Set(rows.map(([node, id]) => `${node} ${id}`));
  if (ids.size !== rows.length || !equal(utf8(bucketText(rows)), content))
    refuse("STA-2", "", "lines sorted, none twice", "others");
  return rows;
}
/** Read a record file: the put of the version that the inventory names (STA-5). */
export function parseRecordFile(body, row) {
  const lines = splitLines(body);
  if (lines.length !== 1) refuse("STA-5", "", "one line", lines.length);
  const entry = parseEntry(lines[0]);
  if (entry.op !== "put" || entry.gone ||
    [entry.node, entry.id, entry.rev, entry.digest].some((one, i) => one !== row[i]))
    refuse("STA-5", "", `the put of ${row}`, `${entry.op} of ${entry.id}`);
  return entry;
}
/** PATH-1: where page `number` stands. */
export function pagePath(epoch, number, width = PAGE_ENTRIES, generation = 1) {
  const digits = String(number).padStart(Math.ceil(Math.max(String(number).length, 1) / 3) * 3, "0");
  const name = digits.match(/.../g).map((group, i, all) => (i < all.length - 1 ? `x${group}` : group)).join("/");
  const partial = width < PAGE_ENTRIES ? `.p/${width}` : "", later = generation > 1 ? `.g${generation}` : "";
  return `log/${epoch}/${name}${partial}${later}.ndjson`;
}
const sameHash = (rule, body, expected) => {
  const came = hexOf(sha256(body));
  if (came !== expected) refuse(rule, "", `the file of the hash ${expected}`, came);
};
/** Which pages were written again (PAGE-5, PAGE-6): page number → generation. */
export function parseGenerations(body, expected) {
  sameHash("PAGE-5", body, expected);
  const value = parseCanonical(withoutEnd(body), MEBIBYTE);
  if (!isObject(value) || !isObject(value.pages))
    refuse("PAGE-6", "/pages", "an object: page number → generation", value);
  for (const [number, generation] of Object.entries(value.pages))
    if (!/^(0|[1-9][0-9]{0,14})$/.test(number) || !(is.rev(generation) && generation > 1))
      refuse("PAGE-6", `/pages/${number}`, "a page number and a generation from 2 on", generation);
  return value.pages;
}
const LISTS = { keys: ["key", "recovery"], guards: ["erase", "hold"], tombstones: ["del", "out"], parts: ["put"],
  heads: ["nodehead"], statements: ["statement"] }; // in the order in which they are taken, with the ops of each

/** Read the manifest of the snapshot that a head names (SNAP-1, SNAP-2, MRK-1). */
export function parseManifest(raw, head) {
  sameHash("SNAP-1", raw, head.snap.sha256);
  const within = (most) => (value) => is.rev(value) && value <= most;
  const part = objectOf({ bytes: within(LARGE_BYTES), count: within(4096), path: is.text, sha256: is.digest });
  const parts = listOf(part, 65536), epoch = snapshotEpoch(head.snap);
  const value = check("SNAP-2", parseCanonical(withoutEnd(raw), MEBIBYTE), {
    by: is.node, epoch: is.epoch, frontier: listOf(is.digest, 64), live: is.count, name: is.feed, seq: is.count,
    state_root: is.digest, keys: parts, guards: parts, tombstones: parts, parts,
  }, { heads: parts, statements: parts });
  if (epoch !== head.epoch && !((reach(head).get(epoch) ?? -1) >= head.snap.seq))
    refuse("SNAP-2", "/epoch", "an epoch of this log", epoch);
  for (const [member, right] of Object.entries({ by: head.by, epoch, name: head.name, seq: head.snap.seq }))
    if (value[member] !== right) refuse("SNAP-2", `/${member}`, `${right}, as the head says`, value[member]);
  const folder = `snap/${epoch}-${value.seq}/`, seen = new Set(), all = [];
  for (const list of Object.keys(LISTS)) {
    for (const one of value[list] ?? []) {
      const fits = one.path.startsWith(folder) && /^[0-9]{3,}\.ndjson$/.test(one.path.slice(folder.length));
      if (!fits || seen.has(one.path))
        refuse("SNAP-2", `/${list}`, `another ${folder}<number>.ndjson for each part`, one.path);
      seen.add(one.path);
      all.push([list, one]);
    }
  }
  return { ...value, all, frontier: frontierOf(value.seq, value.frontier) };
}
/** The lines of a part (SNAP-1, SNAP-3). */
export function openPart(part, body) {
  if (body.length !== part.bytes) refuse("SNAP-1", "", `${part.bytes} bytes`, `${body.length} bytes`);
  sameHash("SNAP-1", body, part.sha256);
  const lines = splitLines(body);
  if (lines.length !== part.count) refuse("SNAP-3", "", `${part.count} lines in ${part.path}`, lines.length);
  return lines;
}

// Node heads (docs/spec/completeness.md)

const audienceOf = (feed) => /^(partners|hub)(-|$)/.exec(feed)?.[1] ?? "public";

/** The node head that an entry carries (NHD-1): its head, and the counts of what is missing. */
export function nodeHeadOf(entry) {
  let head;
  try { head = headOf(thingOf("head", entry.value.jws, entry.value.head)); } catch (error) {
    if (error.rule === "HEAD-2") throw error;
    refuse("NHD-1", error.pointer, error.expected, error.came);
  }
  const counted = Object.entries(entry.value.missing);
  if (counted.length > 32 || !counted.every(([, count]) => is.count(count)))
    refuse("NHD-1", "/missing", "an object of at most 32 counts", entry.value.missing);
  return { head, missing: Object.fromEntries(counted.filter(([, count]) => count > 0)) };
}
/** NHD-2, NHD-3: the node has signed it, and it is for readers of this feed. */
export async function verifyNodeHead({ head }, ring, feed) {
  try {
    if (ring?.id !== head.by) refuse("NHD-2", "/head/by", head.by, ring?.id ?? "no key statements of it");
    await verifyThing(head.thing, ring.keys);
  } catch (error) { refuse("NHD-2", error.pointer, error.expected, error.came); }
  if (head.name !== audienceOf(feed)) refuse("NHD-3", "/head/name", audienceOf(feed), head.name);
}
/** NHD-4, NHD-5: a node's heads neither fall back nor contradict each other. */
export function checkNodeHeadOrder(held, offered) {
  const relation = compareHeads(held, offered);
  if (relation === "fork") refuse("NHD-5", "/head", "what the node signed before", offered.log_root);
  if (relation === "older" || relation === "rollback")
    refuse("NHD-4", "/head/size", `at least ${held.size}`, offered.size);
  return relation !== "same";
}
/** NHD-6, NHD-7: what a feed holds of a node, and what is said to be missing, come to what the node signs. */
export function checkNodeSet({ head, missing }, rows) {
  const { older = 0, ...causes } = missing, absent = Object.values(causes).reduce((sum, count) => sum + count, 0);
  if (rows.length - older + absent !== head.live) refuse("NHD-6", "/head/live", `${head.live} records`, rows.length);
  if (!Object.keys(missing).length && stateTree(rows).root !== head.state_root)
    refuse("NHD-7", "/head/state_root", head.state_root, stateTree(rows).root);
}

// Judging entries by the keys of their place (docs/spec/reading.md)

class Judge {
  /** `rings`: node → ring, asked when it is wanted, of the log as it was read; `bound`: of what was ever held. */
  constructor(run, rings, bound) {
    Object.assign(this, { run, rings, bound, fresh: new Map(), stubs: new Map(), suspect: null });
  }
  async ring(node) { return this.fresh.get(node)?.at(-1)[1] ?? (await this.rings(node)); }
  publisherAs(node) { return this.run.publisher?.id === node ? this.run.publisher : null; }

  /** Begin to check all signatures of a page at once; each answer is waited for when its entry's turn comes. */
  async prepare(page) {
    for (const { thing, node } of page) {
      if (!thing || thing.kind === "key" || thing.kind === "recovery" ||
        !SIGNATURE.test(thing.jws.split("..")[1])) continue;
      const key = ((await this.ring(node)) ?? this.publisherAs(node))?.keys.get(claimedKid(thing.jws));
      if (key) signatureFits(thing, key.x);
    }
  }
  /** READ-9, READ-10: what became of an entry: {entry, refusal, accepted, voided}. `past`: it lies among those held. */
  async judge(entry, past = false) {
    const judged = { entry, refusal: null, accepted: false, voided: null };
    try {
      if (entry.op === "key" || entry.op === "recovery") judged.voided = await this.takeKey(entry);
      else if ((entry.op === "put" || entry.op === "del") && !entry.gone) {
        const signer = this.run.publisher.role === "node" ? this.run.publisher.id : entry.node;
        const newest = this.publisherAs(signer) ?? (await this.ring(signer));
        let keys = await this.keysAt(signer, entry.seq, past);
        if (newest) keys = await provenKeys(newest, entry, keys);
        await acceptEntry(entry, keys, signer);
        const kid = claimedKid(entry.thing.jws), place = this.place(entry);
        if (newest && lost(newest).length && !counts(newest, kid, place))
          refuse("KEY-10", "/jws", "a place at which this key was good", `${place} by ${kid}`);
        judged.accepted = true;
      } else if (["erase", "hold", "unhold", "statement"].includes(entry.op)) {
        const by = entry.thing.value.by; // READ-13, STMT-2: where the signer's keys are known
        const keys = typeof by === "string" ? await this.keysAt(by, entry.seq, past) : new Map();
        if (keys.size) await verifyThing(entry.thing, keys);
      } else if (entry.op === "nodehead") {
        const said = nodeHeadOf(entry);
        await verifyNodeHead(said, (await this.ring(entry.node)) ?? this.publisherAs(entry.node), this.run.head.name);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.rule.startsWith("SIG-")) this.suspect ??= error; // no hash covers a signature: a cache may be to blame
      judged.refusal = error;
    }
    return judged;
  }
  /** ENT-7: a stub waits for a later entry that takes its record out or supersedes it. */
  noteStub(entry) {
    const key = `${entry.node} ${entry.id}`;
    if (entry.op === "erase" || entry.op === "hold") {
      for (const [waiting, rev] of this.stubs)
        if (matches(entry, ...waiting.split(" "), rev)) this.stubs.delete(waiting);
    } else if (["put", "del", "out"].includes(entry.op)) {
      this.stubs.delete(key);
      if (entry.gone && entry.op === "put") this.stubs.set(key, entry.rev);
    }
  }
  async keysAt(node, seq, past) {
    const made = (this.fresh.get(node) ?? []).filter(([at]) => at < seq);
    if (past && !made.length) return (await this.rings(node, seq))?.keys ?? new Map();
    const ring = made.length ? made.at(-1)[1] : (await this.rings(node)) ?? this.publisherAs(node);
    const before = await this.bound(node);
    if (!ring || !before || before === ring) return ring?.keys ?? new Map();
    // a revocation once read binds, also in a log that begins anew without it
    const held = new Set(ring.statements.map(thingDigest)), known = new Set(before.statements.map(thingDigest));
    const goesOn = [...known].every((digest) => held.has(digest)) ||
      ring.statements.some((one) => one.kind === "recovery" && !known.has(thingDigest(one)));
    const bound = (kid, key) => (!goesOn && before.keys.get(kid)?.revoked ? before.keys.get(kid) : key);
    return new Map([...ring.keys].map(([kid, key]) => [kid, bound(kid, key)]));
  }
  place(entry) {
    if (entry.src || this.run.head.by !== entry.node) return entry.src ?? ["", "", entry.seq];
    return [this.run.head.name, epochOfEntry(this.run.head, entry.seq), entry.seq];
  }
  async takeKey({ seq, node, thing }) {
    const before = await this.ring(node);
    if (before?.statements.some((one) => thingDigest(one) === thingDigest(thing))) return null;
    const ring = before ? await admit(before, thing) : await foldKeys([thing], node);
    this.fresh.set(node, [...(this.fresh.get(node) ?? []), [seq, ring]]);
    return standing(before) === standing(ring) ? null : ring;
  }
}

// The verified copy (docs/spec/live-set.md): tables of plain values, all of which a store keeps

const TABLES = ["feed", "records", "keys", "guards", "refused", "carried", "heads", "nullified", "evidence"];
const NOTHING = () => Object.fromEntries(TABLES.map((table) => [table, new Map()]));

/** What is held, and what a sync makes of it. A row of `records` is {node, id, path, leaf, held}: `leaf` is its line in
 * the state tree, which follows the log blindly; `held` the accepted version. Rows are never changed, only replaced:
 * what differs from the tables before is what a store has to write. */
class Copy {
  constructor(tables = NOTHING()) {
    for (const table of TABLES) this[table] = new Map(tables[table]);
    this.lastRefused = new Map();
  }
  row(node, id) {
    return this.records.get(`${node} ${id}`) ?? { node, id, path: pathOf(node, id), leaf: null, held: null };
  }
  set(row, change) { this.records.set(`${row.node} ${row.id}`, { ...row, ...change }); }
  rows() {
    return [...this.records.values()].filter((row) => row.leaf)
      .map(({ node, id, path, leaf }) => [node, id, leaf.rev, leaf.digest, path]);
  }
  /** READ-12: what comes is the whole set. Guards, revs and revocations stay. */
  replace() {
    for (const table of ["keys", "refused", "carried", "heads"]) this[table].clear();
    for (const row of this.records.values())
      this.set(row, { leaf: null, held: row.held && { ...row.held, prior: true } });
  }
  goBack(size) {
    for (const table of [this.refused, this.carried])
      for (const seq of table.keys()) if (seq >= size) table.delete(seq);
  }

  take({ entry, refusal, accepted, voided }) {
    if (refusal) this.refuse(entry, refusal);
    if (entry.op === "put") this.put(entry, refusal, accepted);
    else if (entry.op === "del" || entry.op === "out") this.remove(entry, accepted);
    else if (entry.op === "erase" || entry.op === "hold") this.removeMatching(entry, refusal);
    else if (entry.op === "unhold" && !refusal) this.lift(entry);
    if ((entry.op === "key" || entry.op === "recovery") && !refusal) this.noteKey(entry);
    else if (entry.op === "nodehead" && !refusal) this.takeNodeHead(entry);
    else if (!["put", "del", "out", "key", "recovery", "nodehead"].includes(entry.op) &&
      !(refusal && entry.op === "statement"))
      this.carried.set(entry.seq, { op: entry.op, node: entry.node, id: entry.id, line: DECODER.decode(entry.raw) });
    if (voided) this.void(voided);
  }
  refuse(entry, { rule, code, message }) {
    const told = { seq: entry.seq, op: entry.op, node: entry.node, id: entry.id, rule, code, sentence: message };
    this.refused.set(entry.seq, told);
    this.lastRefused.set(entry.seq, told);
  }
  put(entry, refusal, accepted) {
    const row = this.row(entry.node, entry.id), { held } = row;
    let code = refusal?.code ?? "stub_without_cause", kept = held;
    if (accepted) [code, kept] = this.accept(entry, held);
    else if (refusal && held?.op === "put" && held.rev === entry.rev && held.digest === entry.digest) {
      // these very bytes were verified before, under a key that has been revoked since: they stay good
      [code, kept] = [null, { ...held, seq: entry.seq, prior: false }];
      this.refused.delete(entry.seq);
      this.lastRefused.delete(entry.seq);
    }
    this.set(row, { leaf: { rev: entry.rev, digest: entry.digest, seq: entry.seq, code: code || null }, held: kept });
  }
  remove(entry, accepted) {
    const row = this.row(entry.node, entry.id);
    let { held } = row;
    if (accepted) {
      const [code, kept] = this.accept(entry, held);
      if (!code) return this.set(row, { leaf: null, held: kept });
      held = kept;
    }
    this.set(row, { leaf: null, held: left(held, entry.seq, "out") });
  }
  /** READ-7, READ-8, READ-13: [code of a refusal or null, what is held then]. */
  accept(entry, held) {
    const order = orderOf(entry.rev, entry.digest, held?.rev, held?.digest), { thing } = entry;
    const version = (disputed) => ({
      rev: entry.rev, digest: entry.digest, op: entry.op, seq: entry.seq, type: entry.type, at: entry.at,
      src: entry.src,
      jws: thing.jws, body: thing.body, disputed, prior: false,
    });
    try {
      if (entry.op === "put" && this.isGuarded(entry))
        refuse("READ-13", "/record/rev", "nothing that was erased or is held back", `rev ${entry.rev}`);
      if (order === "falls") refuse("READ-7", "/record/rev", `above ${held.rev}, as held`, entry.rev);
      if (order === "contradicts") refuse("READ-8", "/record/rev", `${held.digest} for rev ${entry.rev}`, entry.digest);
    } catch (refusal) {
      this.refuse(entry, refusal);
      if (refusal.rule !== "READ-8") return [refusal.code, held];
      this.keepBoth(thing, held);
      return [refusal.code, entry.digest < held.digest ? version(true) : { ...held, disputed: true }];
    }
    const disputed = order === "same" && held.disputed;
    return [disputed ? "equivocation" : null, version(disputed)];
  }
  removeMatching(entry, refusal) {
    for (const row of this.records.values()) {
      if (row.leaf && matches(entry, row.node, row.id, row.leaf.rev))
        this.set(row, { leaf: null, held: left(row.held, entry.seq, entry.op) });
    }
    if (!refusal) this.guard(entry);
  }
  /** READ-13: of several guards of one target the furthest binds. */
  guard({ op, node, id, rev }) {
    const key = `${node} ${id} ${op}`, before = this.guards.get(key);
    const most = !before ? rev : rev === null || before.max_rev === null ? null : Math.max(rev, before.max_rev);
    this.guards.set(key, { op, node, id, max_rev: most });
  }
  lift(entry) {
    for (const [key, guard] of this.guards)
      if (guard.op === "hold" && guard.node === entry.node &&
        (entry.id === "*" || entry.id === guard.id)) this.guards.delete(key);
  }
  isGuarded({ node, id, rev, at }) {
    const binding = [...new Set([id, "*"])].flatMap((target) =>
      ["erase", "hold"].map((op) => this.guards.get(`${node} ${target} ${op}`)))
      .filter((guard) => guard && reaches(guard.max_rev, rev));
    return binding.length > 0 && (binding.some((guard) => guard.op === "erase") || this.stillHeld(node, id, at));
  }
  /** A hold keeps nothing out whose `at` is not before its end (NTC-8): the publisher has put it again. */
  stillHeld(node, id, at) {
    const last = new Map();
    for (const carried of [...this.carried].sort(([a], [b]) => a - b).map(([, one]) => one)) {
      if (carried.op !== "hold" || carried.node !== node || (carried.id !== id && carried.id !== "*")) continue;
      const notice = JSON.parse(carried.line).notice;
      if (!is.instant(notice.issued) || ("expires" in notice && !is.instant(notice.expires))) return true;
      last.set(`${notice.by} ${carried.id}`, notice);
    }
    const holds = (notice) => {
      const said = notice.expires === undefined ? Infinity : seconds(notice.expires);
      return seconds(at) < (notice.by === notice.node ? said : Math.min(said, seconds(notice.issued) + HOLD_SECONDS));
    };
    return !last.size || [...last.values()].some(holds);
  }
  noteKey({ seq, node, thing }) {
    const chain = this.keys.get(node) ?? [];
    if (!chain.some((one) => one.jws === thing.jws && one.body === thing.body))
      this.keys.set(node, [...chain, { seq, kind: thing.kind, jws: thing.jws, body: thing.body }]);
  }
  takeNodeHead(entry) {
    const before = this.heads.get(entry.node);
    try {
      if (before) checkNodeHeadOrder(nodeHeadOf(parseEntry(utf8(before.line))).head, nodeHeadOf(entry).head);
      this.heads.set(entry.node, { seq: entry.seq, line: DECODER.decode(entry.raw) });
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      this.refuse(entry, refusal);
    }
  }
  /** Two contents under one rev, both signed, are proof against their author; both are kept. */
  keepBoth(thing, held) {
    if (held.body === undefined) return; // it was erased: what is left of one of the two is a digest
    const kind = held.op === "put" ? "record" : "tombstone";
    const said = [wrapped(thing), wrapped({ kind, jws: held.jws, value: JSON.parse(held.body) })];
    this.evidence.set(thingDigest(thing), { kind: "equivocation", said });
  }
  /** KEY-10, KEY-12: what a node's newest keys do not count any more leaves the accepted set. */
  void(ring) {
    const head = this.feedName;
    const epochs = lost(ring).filter((key) => head in key.last).map((key) => key.last[head][0]);
    const placeOf = (src, seq) => src ?? [head, epochs.sort((a, b) => epochNumber(b) - epochNumber(a))[0] ?? "", seq];
    for (const row of this.records.values()) {
      const { held, leaf } = row;
      if (row.node !== ring.id || !held) continue;
      if (counts(ring, held.jws ? claimedKid(held.jws) : null, placeOf(held.src, held.seq))) continue;
      this.nullified.set(`${row.node} ${row.id} ${held.rev}`, held);
      const same = leaf && leaf.digest === held.digest;
      this.set(row, { held: null, leaf: same ? { ...leaf, code: CODES["KEY-10"] } : leaf });
    }
    const said = [...this.carried].filter(([, one]) =>
      one.node === ring.id && (one.op === "erase" || one.op === "hold"))
      .map(([seq, one]) => [seq, parseEntry(utf8(one.line))]);
    const gone = said.filter(([seq, entry]) => entry.thing.value.by === ring.id &&
      !counts(ring, claimedKid(entry.thing.jws), placeOf(entry.src, seq), true));
    if (!gone.length) return;
    for (const [key, guard] of this.guards) if (guard.node === ring.id) this.guards.delete(key);
    for (const [seq, entry] of gone) {
      this.nullified.set(`${entry.node} ${entry.op} ${entry.id} ${seq}`, this.carried.get(seq));
      this.carried.delete(seq);
    }
    for (const [, entry] of said) if (!gone.some(([, one]) => one === entry)) this.guard(entry);
  }
  /** At the end of a replacement: what is not in the tree has left the feed; refusals of the past concern nobody. */
  finish(size) {
    for (const row of this.records.values()) {
      if (!row.held?.prior) continue;
      const held = row.leaf ? row.held : left(row.held, Math.max(size - 1, 0), "out");
      this.set(row, { held: { ...held, prior: false } });
    }
    for (const [seq, one] of this.refused)
      if (one.op === "put" && this.row(one.node, one.id).leaf?.seq !== seq) this.refused.delete(seq);
  }
}
/** A record that leaves without its author's tombstone: its content goes, its rev stays. */
const left = (held, seq, op) => {
  if (held?.op !== "put") return held;
  const { jws, body, ...rest } = held;
  return { ...rest, op, seq };
};
const wrapped = (thing) => canonical({ jws: thing.jws, [thing.kind]: thing.value });

// Where files come from

class Missing extends Error {}
class Unreachable extends Error {}

async function withinLimit(stream, limit, ratioOf) {
  const parts = [];
  let size = 0;
  for (let source = stream.getReader(); ;) {
    const { done, value } = await source.read();
    if (done) return joined(...parts);
    parts.push(value);
    size += value.length;
    if (size > limit || (ratioOf && size > MEBIBYTE && size > INFLATE_RATIO * ratioOf)) {
      await source.cancel().catch(() => {});
      refuse("LIM-4", "", `at most ${limit} bytes`, `${size} bytes or more`);
    }
  }
}
/** One member of gzip or frame of zstd, whole (LIM-4, LIM-6). `inflate` undoes what the platform does not know. */
async function inflated(body, coding, limit, inflate) {
  try {
    if (inflate?.[coding]) return await inflate[coding](body, limit);
    const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream(coding));
    return await withinLimit(stream, limit, body.length);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (error instanceof TypeError && !inflate?.[coding] && !codingKnown(coding))
      throw new Unreachable(`${coding} is not known to this platform`);
    return refuse("LIM-6", "", `one whole ${coding} stream`, String(error));
  }
}
const codingKnown = (coding) => { try { return Boolean(new DecompressionStream(coding)); } catch { return false; } };
const MAGIC = { ".zst": [[0x28, 0xb5, 0x2f, 0xfd], "zstd"], ".gz": [[0x1f, 0x8b], "gzip"] };

/** A feed at an address. `fetch` may be given, for a proxy or a header of one's own. */
class Place {
  constructor(address, { fetch, inflate }) {
    this.base = address.replace(/head\.json$/, "").replace(/\/*$/, "/");
    Object.assign(this, { ask: fetch, inflate, requests: 0, suffix: "" });
  }
  /** PATH-3: a page as it stands, else compressed. Throws Missing, Unreachable, Refusal. */
  async fetch(path, limit, fresh) {
    const forms = path.endsWith(".ndjson") ? ["", ".zst", ".gz"] : [""];
    forms.sort((a, b) => (b === this.suffix) - (a === this.suffix)); // as the last page was found
    for (const suffix of forms) {
      const body = await this.get(path + suffix, limit, fresh);
      if (!body) continue;
      if (path.endsWith(".ndjson")) this.suffix = suffix;
      const [magic, coding] = MAGIC[suffix] ?? [];
      return magic?.every((byte, i) => body[i] === byte) ? inflated(body, coding, limit, this.inflate) : body;
    }
    throw new Missing(path);
  }
  async get(name, limit, fresh) {
    this.requests += 1;
    const around = fresh ? `?h=${hexOf(crypto.getRandomValues(new Uint8Array(8)))}` : "";
    const unreachable = (why) => { throw new Unreachable(`${name}: ${why}`); };
    const cache = fresh ? "reload" : name === "head.json" ? "no-cache" : "default";
    const answer = await this.ask(this.base + name + around, { cache, credentials: "omit", redirect: "follow" })
      .catch((error) => unreachable(String(error)));
    if (answer.status === 404 || answer.status === 410) return null;
    if (answer.status !== 200) unreachable(`it answers ${answer.status}`);
    try { return await withinLimit(answer.body, limit); } catch (error) {
      return error instanceof Refusal ? Promise.reject(error) : unreachable(String(error));
    }
  }
}

// The reader (docs/spec/reading.md)

/** Keeps what is held in memory. A store answers `load()` with all [table, key, value] it holds, and takes in `commit`
 * changes of the same form, the value undefined for what goes: all of them or none. examples/portal has one for
 * IndexedDB. */
export class MemoryStore {
  #held = new Map();
  async load() { return [...this.#held.values()]; }
  async commit(changes) {
    for (const [table, key, value] of changes) {
      if (value === undefined) this.#held.delete(`${table} ${key}`);
      else this.#held.set(`${table} ${key}`, [table, key, value]);
    }
  }
}

/** One feed and the verified copy of it. Not for two programs on one store at once. */
export class Reader {
  #store; #place; #now; #copy = null; #rings = new Map(); #running = null;

  /** `store`: see MemoryStore. `expected`: the identifier whose feed it must be. `fetch`, `now` (a Date), and `inflate`
   * ({zstd: (bytes, limit) => bytes}) replace those of the platform. */
  constructor(address, { store = new MemoryStore(), expected, fetch: ask, now = () => new Date(), inflate } = {}) {
    this.address = address;
    this.expected = expected;
    this.#store = store;
    this.#now = now;
    this.#place = new Place(String(address), { fetch: ask ?? ((...given) => fetch(...given)), inflate });
  }
  /** Read what the store holds. Follow does it by itself. */
  async open() {
    if (this.#copy) return;
    const tables = NOTHING();
    for (const [table, key, value] of await this.#store.load()) tables[table]?.set(key, value);
    this.#copy = new Copy(tables);
  }
  get #feed() { return this.#copy?.feed.get("feed") ?? null; }
  /** The newest head that was verified, null before the first. */
  get head() { return this.#feed && parseHead(utf8(this.#feed.head)); }
  get stateRoot() { return this.#feed?.stateRoot ?? null; }
  /** How many records the feed holds, refused ones too; how many entries at its beginning were never read (READ-16). */
  get live() { return this.#feed?.live ?? 0; }
  get unproven() { return this.#feed?.unproven ?? 0; }
  /** The lines of the state tree, [node, id, rev, digest] each, sorted. */
  rows() {
    return (this.#copy?.rows() ?? []).map((row) => row.slice(0, 4)).sort((a, b) => (rowLine(a) < rowLine(b) ? -1 : 1));
  }
  /** All live, verified records, of one type if named ("org.jisr.service", with or without its major). */
  *records(type) {
    for (const { node, id, held, leaf } of this.#copy?.records.values() ?? []) {
      if (held?.op !== "put" || !leaf || (leaf.code && leaf.code !== "equivocation")) continue;
      if (type && held.type !== type && held.type.split("/")[0] !== type) continue;
      const { rev, digest, seq, at, src, jws, body, disputed } = held;
      yield { node, id, rev, type: held.type, digest, seq, at, src, jws, disputed, value: JSON.parse(body) };
    }
  }
  /** Entries that stand in the feed and were not accepted. */
  refused() { return [...(this.#copy?.refused.values() ?? [])]; }

  /**
   * Bring the copy up to what the publisher signs now. Resolves, whatever the other side does, to
   * {outcome, code, rule, sentence, changed, stateRoot, live, applied, repaired, unproven, refused, requests}.
   */
  follow() {
    this.#running ??= this.#follow().finally(() => { this.#running = null; });
    return this.#running;
  }
  async #follow() {
    await this.open();
    const run = { fresh: false, anew: false, withoutSnapshot: false, withoutRepair: false };
    Object.assign(run, { headsTried: 0, head: null, left: null });
    this.#place.requests = 0;
    for (;;) {
      try {
        if (!run.head) await this.#takeHead(run);
        if (run.changed) await this.#read(run);
        return await this.#commit(run);
      } catch (error) {
        if (error instanceof Unreachable) return this.#end(run, OUTCOME.TEMPORARY, null, error.message);
        if (error instanceof Missing && run.repairing && run.headsTried < HEADS_TRIED) { // READ-14
          run.left = [rawHead(run.head), error.message];
          Object.assign(run, { headsTried: run.headsTried + 1, head: null, anew: false });
          continue;
        }
        const rule = run.head || run.keysAsked ? "PAGE-1" : "HEAD-1";
        const refusal = error instanceof Missing ? new Refusal(rule, "", `the file ${error.message}`, "none") : error;
        if (!(refusal instanceof Refusal)) throw error;
        const outcome = OUTCOME_OF_RULE[refusal.rule] ?? OUTCOME.BROKEN;
        if (!run.fresh && !NO_CACHE_TO_BLAME.has(refusal.rule))
          Object.assign(run, { fresh: true, head: null, anew: false });
        else if (outcome !== OUTCOME.CONTRADICTED && this.#otherWay(run)) run.anew = true;
        else return this.#end(run, outcome, refusal, refusal.message);
      }
    }
  }
  /** Whether what went wrong is a snapshot or a repair, for which something else can stand; and note so. */
  #otherWay(run) {
    if (!run.head) return false;
    if (run.bySnapshot && !run.withoutSnapshot && run.head.floor === 0) return (run.withoutSnapshot = true);
    if (run.repairing && !run.withoutRepair && (run.head.floor === 0 || run.head.snap))
      return (run.withoutRepair = true);
    if (!run.offTheLog) return false;
    run.offTheLog = false; // what the reader went back to is not the beginning of this log
    return true;
  }

  async #takeHead(run) {
    const stored = this.head, known = this.#feed, now = this.#now().getTime() / 1000;
    Object.assign(run, { now, changed: true, keysAsked: false, bySnapshot: false, repairing: false, wentBack: false });
    const head = parseHead(await this.#place.fetch("head.json", HEAD_BYTES, run.fresh || run.left !== null));
    for (const [member, expected] of [["by", known?.by ?? this.expected], ["name", known?.name]])
      if (expected !== undefined && head[member] !== expected)
        refuse("READ-1", `/head/${member}`, expected, head[member]);
    const held = known && (run.publisherHeld ??= await foldKeys(parseKeys(utf8(known.keys)), known.by));
    run.publisher = held;
    if (!held?.keys.has(claimedKid(head.thing.jws))) {
      run.keysAsked = true;
      const offered = await foldKeys(parseKeys(await this.#place.fetch("keys.json", MEBIBYTE, run.fresh)), head.by);
      run.offeredKeys = offered;
      run.publisher = held ? longer(held, offered) : offered;
    }
    await verifyHead(head, run.publisher, now);
    run.offered = head;
    const relation = stored ? compareHeads(stored, head) : "larger";
    const before = `${stored?.size} entries in ${stored?.epoch}`;
    if (relation === "older") refuse("READ-2", "/head/size", `at least ${before}`, head.size);
    if (relation === "rollback") refuse("READ-3", "/head/size", `at least ${before}, as signed before`, head.size);
    if (relation === "fork") refuse("READ-4", "/head", `what was signed before for ${before}`, head.log_root);
    if (stored) {
      const days = Math.max(Math.floor((now - seconds(stored.time)) / 86400), 0);
      const most = epochNumber(stored.epoch) + 1000 * (1 + days);
      if (epochNumber(head.epoch) > most) refuse("HEAD-7", "/head/epoch", `a number of at most ${most}`, head.epoch);
    }
    if (isExpired(head, now, run.publisher.role))
      refuse("HEAD-6", "/head/expires", "a head that has not expired", head.expires);
    run.head = relation === "same" && seconds(head.time) < seconds(stored.time) ? stored : head;
    run.relation = relation;
    run.changed = relation !== "same";
    if (run.left && rawHead(head) === run.left[0]) { // no newer head: its file is missing
      if (head.floor > 0 && !head.snap) refuse("PAGE-1", "", `the file ${run.left[1]}`, "none");
      run.anew = true;
    }
  }

  /** What to read, from where: on from what is held, from a snapshot, or from the start. */
  async #read(run) {
    const { head } = run, stored = this.head, known = this.#feed;
    const frontier = known ? frontierOf(stored.size, known.frontier) : new Frontier();
    this.#begin(run, frontier, known?.marks ?? [], known?.unproven ?? 0);
    run.wentBack = run.repairing = run.bySnapshot = false;
    let anew = run.anew || !stored;
    if (!anew) {
      const otherwise = standing(run.publisher) !== standing(run.publisherHeld);
      if (run.publisher.role === "node" && otherwise) run.copy.void(run.publisher);
      if (run.relation === "new epoch") {
        const last = { size: stored.size, epoch: stored.epoch, roots: known.frontier };
        const mark = commonPlace([...run.marks, last], stored, head);
        anew = !mark || run.withoutRepair;
        if (!anew && mark.size < run.frontier.size) { // READ-15
          run.frontier = frontierOf(mark.size, mark.roots);
          run.marks = run.marks.filter((one) => one.size <= mark.size);
          run.wentBack = true;
          run.copy.goBack(mark.size);
        }
      }
      anew ||= run.frontier.size < head.floor;
    }
    if (anew) await this.#fromStart(run);
    await this.#pages(run);
    await this.#settle(run);
  }
  #begin(run, frontier, marks, unproven, replacing = false) {
    const copy = new Copy(this.#copy), held = this.#copy;
    copy.feedName = run.head.name;
    const ringOf = (node, seq = Infinity) => this.#ringOf(held, node, seq);
    const judge = new Judge(run, replacing ? async () => null : ringOf, ringOf);
    Object.assign(run, { copy, judge, frontier, marks, unproven, replacing, applied: 0, repaired: 0 });
    if (replacing) copy.replace();
  }
  /** The keys that the entries below `seq` of the log held gave a node. */
  async #ringOf(held, node, seq) {
    const chain = held.keys.get(node)?.filter((one) => one.seq < seq);
    if (!chain?.length) return null;
    const known = this.#rings.get(node);
    if (known?.length === chain.length && known.last === chain.at(-1)) return known.ring;
    const ring = await foldKeys(chain.map(({ kind, jws, body }) => thingOf(kind, jws, JSON.parse(body))), node);
    if (seq === Infinity) this.#rings.set(node, { length: chain.length, last: chain.at(-1), ring });
    return ring;
  }
  async #fromStart(run) {
    const { head } = run;
    run.bySnapshot = Boolean(head.snap) && !(run.withoutSnapshot && head.floor === 0);
    run.wentBack = false;
    this.#begin(run, new Frontier(), [], 0, run.bySnapshot || this.head !== null);
    if (run.bySnapshot) await this.#snapshot(run);
    else if (head.floor > 0) refuse("READ-11", "/head/floor", "a floor of 0, or a snapshot", head.floor);
  }
  async #snapshot(run) { // READ-12
    const { head, copy, judge } = run, last = {};
    const manifest = parseManifest(await this.#place.fetch(head.snap.path, MEBIBYTE, run.fresh), head);
    const rises = (list, place) => {
      if (list in last && place <= last[list]) refuse("SNAP-3", "", `in ${list} something after ${last[list]}`, place);
      last[list] = place;
    };
    const ask = ([, part]) => this.#place.fetch(part.path, part.bytes, run.fresh);
    for await (const [[list, part], body] of ahead(manifest.all, ask)) {
      const page = openPart(part, body).map((line, i) => below(`/${i}`, () => {
        const entry = parseEntry(line);
        if (!LISTS[list].includes(entry.op) || entry.gone || entry.seq >= manifest.seq)
          refuse("SNAP-3", "", `in ${list} a whole ${LISTS[list].join(" or ")} below ${manifest.seq}`,
            `${entry.op} at ${entry.seq}`);
        const path = String(pathOf(entry.node, entry.id)).padStart(6, "0");
        if (list === "parts") rises(list, `${path} ${entry.node} ${entry.id}`);
        if (list === "keys" || list === "statements") rises(list, String(entry.seq).padStart(16, "0"));
        return entry;
      }));
      await judge.prepare(page);
      for (const entry of page) copy.take(await judge.judge(entry));
      run.applied += page.length;
    }
    const { root } = stateTree(copy.rows()), live = copy.rows().length;
    if (root !== manifest.state_root || live !== manifest.live)
      refuse("SNAP-4", "/state_root", `${manifest.live} live, root ${manifest.state_root}`,
        `${live} live, root ${root}`);
    run.frontier = frontierOf(manifest.seq, hexes(manifest.frontier));
    run.unproven = manifest.seq;
    run.marks = [{ size: manifest.seq, epoch: manifest.epoch, roots: hexes(manifest.frontier) }];
  }

  /** The pages that hold entries from the frontier on, four ahead at most, judged in order. */
  async #pages(run) {
    const { head, copy, judge } = run;
    if (run.frontier.size === head.size) return;
    const gens = head.gens
      ? parseGenerations(await this.#place.fetch(head.gens.path, MEBIBYTE, run.fresh), head.gens.sha256) : {};
    for await (const [{ number, width }, body] of this.#pagesOf(run, run.frontier.size, gens)) {
      const page = this.#newEntries(body, number * PAGE_ENTRIES, width, run.frontier.size);
      await judge.prepare(page);
      for (const entry of page) {
        run.frontier.append(entry.leaf);
        judge.noteStub(entry);
        copy.take(await judge.judge(entry));
      }
      run.applied += page.length;
      const mark = { size: run.frontier.size, epoch: head.epoch, roots: hexes(run.frontier) };
      if (width === PAGE_ENTRIES) run.marks = thinned([...run.marks, mark], mark.size);
    }
    run.gens = gens;
  }
  #pagesOf({ head, fresh }, start, gens) {
    const pages = function* () { // made when they are asked for: a head may claim any size
      for (let number = Math.floor(start / PAGE_ENTRIES); number * PAGE_ENTRIES < head.size; number++) {
        const end = (number + 1) * PAGE_ENTRIES, width = Math.min(PAGE_ENTRIES, head.size - number * PAGE_ENTRIES);
        const epoch = earliest(head, (size) => end <= size);
        yield { number, width, path: pagePath(epoch, number, width, Object.hasOwn(gens, number) ? gens[number] : 1) };
      }
    };
    return ahead(pages(), ({ path }) => this.#place.fetch(path, PAGE_BYTES, fresh));
  }
  /** PAGE-3, PAGE-4. Of a page that is not whole yet, what is held is not read once more: the root proves it. */
  #newEntries(body, first, width, size) {
    const held = Math.max(size - first, 0), lines = splitLines(body);
    if (held && width < PAGE_ENTRIES && lines.length === width) {
      const known = lines.slice(0, held)
        .every((line, i) => new TextDecoder().decode(line).includes(`"seq":${first + i}`));
      const rest = known ? tried(() => lines.slice(held).map(parseEntry)) : null;
      if (rest?.every((entry, i) => entry.seq === size + i)) return rest;
    }
    const page = parseLines(lines);
    if (page.length !== width || !page.every((entry, i) => entry.seq === first + i))
      refuse("PAGE-3", "", `entries ${first} to ${first + width - 1}`, `${page.length} others`);
    return page.slice(held);
  }

  /** The log root, then the state root (READ-5, READ-6); where only the latter differs, a repair (READ-14). */
  async #settle(run) {
    const { head, judge, copy } = run, root = run.frontier.root();
    if (root !== head.log_root) {
      if (run.fresh && this.head && !run.replacing && !head.floor) {
        if (run.wentBack) run.offTheLog = true;
        else await this.#probe(run);
      }
      refuse("READ-5", "/head/log_root", head.log_root, root);
    }
    for (const [waiting] of judge.stubs) refuse("ENT-7", "", `a later entry that takes ${waiting} out`, "none");
    if (judge.suspect && !run.fresh) throw judge.suspect;
    const ring = await judge.ring(head.by);
    if (ring) { // the log may say more of the publisher's keys than keys.json did: that binds, for this head already
      run.publisher = longer(run.publisher, ring);
      await verifyHead(head, run.publisher, run.now);
    }
    const mayRepair = this.head && !run.replacing && !run.withoutRepair && depthFor(head.live) <= 3;
    if (!this.#meets(run) && mayRepair) {
      await this.#repair(run);
      if (judge.suspect && !run.fresh) throw judge.suspect;
    }
    const rows = copy.rows();
    if (!this.#meets(run))
      refuse("READ-6", "/head/state_root", `${head.live} live, root ${head.state_root}`, `${rows.length} live`);
  }
  #meets({ head, copy }) {
    const rows = copy.rows();
    return rows.length === head.live && stateTree(rows).root === head.state_root;
  }
  /** READ-4: the new entries do not continue what is held; if all of the log meets the root, this is a fork. */
  async #probe(run) {
    const frontier = new Frontier();
    for await (const [{ number, width }, body] of this.#pagesOf(run, 0, run.gens ?? {}))
      for (const entry of this.#newEntries(body, number * PAGE_ENTRIES, width, 0)) frontier.append(entry.leaf);
    if (frontier.root() === run.head.log_root)
      refuse("READ-4", "/head/log_root", "the history held here", "another one");
  }
  /** READ-14: walk the inventory from the root down, only where a hash differs, and bring what is missing. */
  async #repair(run) {
    run.repairing = true;
    const { head, copy, judge } = run, rows = copy.rows(), tree = stateTree(rows, depthFor(head.live));
    const seen = new Set(), records = [], gone = [];
    let nodes = [[0, 0, head.state_root]];
    const compare = (number, theirs) => {
      for (const [node, id] of theirs)
        if (pathOf(node, id) >> (6 * (3 - tree.depth)) !== number)
          refuse("STA-4", "", `records of bucket ${number}`, id);
      const ours = (tree.buckets.get(number) ?? []).map((row) => row.slice(0, 4)), lines = new Set(ours.map(rowLine));
      records.push(...theirs.filter((row) => !lines.has(rowLine(row))));
      gone.push(...ours.filter(([node, id]) => !theirs.some((row) => row[0] === node && row[1] === id)));
    };
    while (nodes.length) {
      const wanted = [], deeper = [];
      for (const [level, number, hash] of nodes) {
        if (hash === (tree.levels[level].get(number) ?? EMPTY[tree.depth - level])) continue;
        if (hash !== EMPTY[tree.depth - level]) { wanted.push([level, number, hash]); continue; }
        const width = FAN ** (tree.depth - level);
        for (const bucket of tree.buckets.keys()) if (Math.floor(bucket / width) === number) compare(bucket, []);
      }
      for (const [, , hash] of wanted) {
        if (seen.has(hash)) refuse("STA-4", "", "every part of the tree once", `${hash} twice`);
        seen.add(hash);
      }
      const node = ([, , hash]) => this.#place.fetch(`inv/${hash}.json`, LARGE_BYTES, run.fresh);
      for await (const [[level, number, hash], body] of ahead(wanted, node)) {
        if (level === tree.depth) compare(number, parseBucket(body, hash));
        else parseInner(body, hash).forEach((child, i) => deeper.push([level + 1, number * FAN + i, child]));
      }
      nodes = deeper;
    }
    const file = ([node, id, rev]) =>
      this.#place.fetch(`rec/${node.slice(5)}/${id}/${rev}.json`, ENTRY_BYTES + 1, run.fresh);
    for await (const [row, body] of ahead(records, file))
      copy.take(await judge.judge(parseRecordFile(body, row), true));
    for (const [node, id] of gone) {
      const row = copy.row(node, id), seq = Math.max(head.size - 1, 0);
      copy.set(row, { leaf: null, held: left(row.held, seq, "out") });
    }
    run.repaired = records.length + gone.length;
  }

  async #commit(run) {
    const { head } = run, copy = run.changed ? run.copy : new Copy(this.#copy), before = this.#feed;
    const feed = { ...before, head: rawHead(head), by: head.by, name: head.name,
      verifiedAt: new Date(run.now * 1000).toISOString() };
    feed.keys = canonical({ keys: run.publisher.statements.map((one) => ({ jws: one.jws, [one.kind]: one.value })) });
    if (run.changed) {
      copy.finish(head.size);
      const mark = { size: head.size, epoch: head.epoch, roots: hexes(run.frontier) };
      Object.assign(feed, { frontier: mark.roots, marks: thinned([...run.marks, mark], head.size),
        unproven: run.unproven,
        live: head.live, stateRoot: head.state_root });
    }
    copy.feed.set("feed", feed);
    const changes = TABLES.flatMap((table) => [
      ...[...copy[table]].filter(([key, value]) => this.#copy[table].get(key) !== value)
        .map(([key, value]) => [table, key, value]),
      ...[...this.#copy[table].keys()].filter((key) => !copy[table].has(key)).map((key) => [table, key, undefined]),
    ]);
    await this.#store.commit(changes);
    this.#copy = copy;
    const sentence = run.changed ? "everything the publisher signs is here and verified" : "nothing new";
    return this.#told(run, OUTCOME.VERIFIED, null, sentence, [...copy.lastRefused.values()]);
  }
  async #end(run, outcome, refusal, sentence) {
    const kind = { "READ-3": "rollback", "READ-4": "fork", "KEY-8": "keys" }[refusal?.rule];
    if (kind && this.head) { // both words of the publisher, for ever
      const offered = () => `{"keys":[${run.offeredKeys.statements.map(wrapped).join(",")}]}`;
      const said = kind === "keys" ? [this.#feed.keys, offered()] : [this.#feed.head, rawHead(run.offered)];
      const key = hexOf(sha256(...said)), value = { kind, said, keys: this.#feed.keys };
      this.#copy.evidence.set(key, value);
      await this.#store.commit([["evidence", key, value]]);
    }
    return this.#told(run, outcome, refusal, sentence, []);
  }
  #told(run, outcome, refusal, sentence, refused) {
    const changed = outcome === OUTCOME.VERIFIED && run.changed, { stateRoot, live, unproven } = this;
    const [applied, repaired] = changed ? [run.applied, run.repaired] : [0, 0];
    const { code = null, rule = null } = refusal ?? {}, { requests } = this.#place;
    return { outcome, code, rule, sentence, changed, stateRoot, live, unproven, refused, applied, repaired, requests };
  }
}
const tried = (act) => { try { return act(); } catch { return null; } };
/** [item, what was fetched for it] of each item in order, at most four under way. */
async function* ahead(items, fetchOne) {
  const source = items[Symbol.iterator](), under = [];
  const more = () => {
    const { done, value } = source.next();
    if (done) return;
    const coming = fetchOne(value);
    coming.catch(() => {}); // who waits for it hears of it; who left does not
    under.push([value, coming]);
  };
  for (let i = 0; i < PARALLEL_FETCHES; i++) more();
  while (under.length) {
    const [item, coming] = under.shift(), body = await coming;
    more();
    yield [item, body];
  }
}
