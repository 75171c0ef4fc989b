/**
 * The vectors through the client in JavaScript, in a browser or in Node: the same file for both.
 *
 *     feeds(jisr, named, files)     each feed in protocol/vectors/feeds, of files by their paths: how it ended
 *     cases(jisr, given)            each case of the JSON files whose operation concerns a reader
 *     followed(jisr, address)       a feed on a server: how it ended, its root, its records
 *     kept(jisr, address)           the same into a database of the browser, which another reader opens afterwards
 */

const bytesOf = (given) => {
  const hex = given.hex ?? given.pieces.map(([piece, times]) => piece.repeat(times)).join("");
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.substr(2 * i, 2), 16));
};
const fromBase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export async function feeds(jisr, named, files, address = "http://files.example") {
  const ends = {};
  const stored = files && (async (url) => {
    const content = files[new URL(url).pathname.slice(1)];
    return content === undefined ? new Response(null, { status: 404 }) : new Response(fromBase64(content));
  });
  for (const [name, { before, now }] of Object.entries(named)) {
    const store = new jisr.MemoryStore(), options = { store, now: () => new Date(now), fetch: stored };
    const first = before ? await new jisr.Reader(`${address}/${name}/${before}/`, options).follow() : null;
    const reader = new jisr.Reader(`${address}/${name}/feed/`, options);
    const { outcome, code, rule, refused, sentence } = await reader.follow();
    // another reader of the same store holds what the first one committed
    const again = new jisr.Reader(`${address}/${name}/feed/`, options);
    await again.open();
    const rows = reader.rows(), kept = again.rows();
    ends[name] = { first: first && first.outcome, outcome, code, rule, refused, sentence, rows, kept };
  }
  return ends;
}

const ringOf = async (jisr, statements) =>
  jisr.foldKeys(statements.map((one) => jisr.parseThing(bytesOf(one), one.kind)));
const fromHex = (text) => bytesOf({ hex: text });
export const OPERATIONS = {
  parse: (jisr, given) => {
    const value = jisr.parseCanonical(bytesOf(given.bytes));
    return { value: "pieces" in given.bytes ? null : value };
  },
  write: (jisr, { value }) => ({ bytes: hexOf(new TextEncoder().encode(jisr.canonical(value))) }),
  form: (jisr, given) => {
    if (!jisr.is[given.form](given.value)) throw new jisr.Refusal("ID-1", "", given.form, given.value);
    return {};
  },
  chain: async (jisr, given) => {
    const statements = given.statements.map((one) => jisr.parseThing(bytesOf(one), one.kind));
    const ring = await jisr.foldKeys(statements, given.expected_id ?? undefined);
    return { id: ring.id, keys: Object.fromEntries([...ring.keys].map(([kid, key]) => [kid, key.state])), next_n: ring.next };
  },
  key_file: async (jisr, given) => {
    const ring = await jisr.foldKeys(jisr.parseKeys(bytesOf(given.bytes)));
    return { id: ring.id, statements: ring.statements.length };
  },
  verify: async (jisr, given) => {
    const thing = jisr.parseThing(bytesOf(given.thing), given.kind), ring = await ringOf(jisr, given.statements);
    const kid = given.active_only ? await jisr.verifyActive(thing, ring) : await jisr.verifyThing(thing, ring.keys);
    return { digest: jisr.thingDigest(thing), kid };
  },
  head: async (jisr, given) => {
    const head = jisr.parseHead(bytesOf(given.bytes)), ring = await ringOf(jisr, given.statements);
    const now = Date.parse(given.now) / 1000, kid = await jisr.verifyHead(head, ring, now);
    return { expired: jisr.isExpired(head, now, ring.role), kid, size: head.size };
  },
  compare: (jisr, given) => ({
    relation: jisr.compareHeads(jisr.parseHead(bytesOf(given.stored)), jisr.parseHead(bytesOf(given.offered))),
  }),
  entry: (jisr, given) => {
    const { at, digest, id, node, op, rev, seq, src, type, leaf } = jisr.parseEntry(bytesOf(given.line));
    const leaf_input = JSON.stringify(["jisr-leaf-1", seq, op, type, node, id, rev, digest, src, at]);
    return { columns: { at, digest, id, node, op, rev, seq, src, type }, leaf: hexOf(leaf), leaf_input };
  },
  accept: async (jisr, given) => {
    const entry = jisr.parseEntry(bytesOf(given.line)), ring = await ringOf(jisr, given.statements);
    return { kid: await jisr.acceptEntry(entry, ring.keys, given.signer), signer: given.signer };
  },
  leaf: (jisr, { columns }) => ({
    leaf: hexOf(jisr.leafOf(...columns)), leaf_input: JSON.stringify(["jisr-leaf-1", ...columns]),
  }),
  path: (jisr, given) => ({ path: jisr.pagePath(given.epoch, given.number, given.width, given.generation) }),
  lines: (jisr, given) => ({ entries: jisr.parsePage(bytesOf(given.bytes)).length }),
  order: (jisr, given) => ({ order: jisr.orderOf(...given.offered, ...given.held) }),
  root: (jisr, given) => {
    const frontier = new jisr.Frontier();
    for (let number = 0; number < given.size; number++) frontier.append(jisr.sha256("\0", String(number)));
    return { frontier: frontier.roots.map(hexOf), root: frontier.root() };
  },
  frontier: (jisr, given) => ({ root: new jisr.Frontier(given.size, given.roots.map(fromHex)).root() }),
  inclusion: (jisr, given) => {
    const { leaf, index, size, proof, root } = given;
    jisr.verifyInclusion(fromHex(leaf), index, size, proof.map(fromHex), fromHex(root));
    return {};
  },
  consistency: (jisr, given) => {
    const roots = [fromHex(given.old_root), fromHex(given.new_root)];
    jisr.verifyConsistency(given.old, given.new, given.proof.map(fromHex), ...roots);
    return {};
  },
  row_path: (jisr, { row: [node, id, rev, digest] }) => ({
    bucket_at_depth_1: jisr.pathOf(node, id) >> 12, bucket_at_depth_2: jisr.pathOf(node, id) >> 6,
    hash: hexOf(jisr.sha256(`${node}\n${id}`)), line: `["${node}","${id}",${rev},"${digest}"]\n`,
  }),
  bucket: (jisr, given) => ({ rows: jisr.parseBucket(bytesOf(given.content), given.hash) }),
  inner: (jisr, given) => ({ children: jisr.parseInner(bytesOf(given.content), given.hash) }),
  state: (jisr, given, about) => {
    const node = /node (jisr:[a-z2-7]{52})/.exec(about)[1];
    const counted = (number) => [node, `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`, (number % 7) + 1,
      hexOf(jisr.sha256(String(number)))];
    const tree = jisr.stateTree(given.rows ?? Array.from({ length: given.count }, (_, number) => counted(number)));
    const files = new Set(tree.levels.flatMap((level) => [...level.values()]));
    return { depth: tree.depth, files: files.size + (tree.levels[0].size ? 0 : 1), root: tree.root };
  },
  manifest: (jisr, given) => {
    const found = jisr.parseManifest(bytesOf(given.bytes), jisr.parseHead(bytesOf(given.head)));
    return { lines: found.all.reduce((sum, [, part]) => sum + part.count, 0), live: found.live, seq: found.seq };
  },
  part: (jisr, given) => ({ lines: jisr.openPart(given.part, bytesOf(given.bytes)).length }),
  generations: (jisr, given) => ({ pages: jisr.parseGenerations(bytesOf(given.bytes), given.sha256) }),
  record_file: (jisr, given) => ({ seq: jisr.parseRecordFile(bytesOf(given.bytes), given.row).seq }),
  node_head: async (jisr, given) => {
    const entry = jisr.parseEntry(bytesOf(given.line)), said = jisr.nodeHeadOf(entry);
    await jisr.verifyNodeHead(said, await ringOf(jisr, given.statements), given.feed);
    const { older = 0, ...causes } = said.missing, absent = Object.values(causes).reduce((sum, count) => sum + count, 0);
    return { absent, live: said.head.live, older, node: said.head.by, size: said.head.size };
  },
  node_head_order: (jisr, given) => ({
    newer: jisr.checkNodeHeadOrder(jisr.parseHead(bytesOf(given.held)), jisr.parseHead(bytesOf(given.offered))),
  }),
  node_head_set: (jisr, given) => {
    const said = jisr.nodeHeadOf(jisr.parseEntry(bytesOf(given.line))), { older, ...causes } = said.missing;
    jisr.checkNodeSet(said, given.rows.map(([id, rev, digest]) => [said.head.by, id, rev, digest]));
    return { absent: Object.values(causes).reduce((sum, count) => sum + count, 0), live: given.rows.length };
  },
};

/** What the client makes of each case: {result} or {refused: code}. Cases are [id, operation, input, about]. */
export async function cases(jisr, given) {
  const made = {};
  for (const [id, operation, input, about] of given) {
    try { made[id] = { result: await OPERATIONS[operation](jisr, input, about) }; } catch (error) {
      made[id] = error instanceof jisr.Refusal ? { refused: error.code, rule: error.rule } : { fault: String(error.stack) };
    }
  }
  return made;
}

export async function followed(jisr, address) {
  const reader = new jisr.Reader(address), end = await reader.follow(), again = await reader.follow();
  const records = [...reader.records()].map(({ node, id, rev, digest }) => [node, id, rev, digest]).sort();
  return { ...end, again: [again.outcome, again.changed, again.requests], records };
}

export async function kept(jisr, address) {
  const { BrowserStore } = await import("/store.js");
  const first = await new jisr.Reader(address, { store: new BrowserStore(address) }).follow();
  const later = new jisr.Reader(address, { store: new BrowserStore(address) }), end = await later.follow();
  return [first.outcome, first.changed, end.outcome, end.changed, later.stateRoot, [...later.rows()].length];
}
