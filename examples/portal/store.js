/** Keeps a copy in IndexedDB: what a Reader of jisr.js asks of a store. One database a feed. */
export class BrowserStore {
  #name;
  constructor(feed) { this.#name = `jisr ${feed}`; }

  async load() {
    return this.#in("readonly", (rows) => rows.getAll());
  }
  async commit(changes) {
    await this.#in("readwrite", (rows) => {
      for (const [table, key, value] of changes) {
        if (value === undefined) rows.delete([table, key]);
        else rows.put([table, key, value], [table, key]);
      }
    });
  }
  async #in(mode, act) {
    const database = await answered(Object.assign(indexedDB.open(this.#name, 1), {
      onupgradeneeded: ({ target }) => target.result.createObjectStore("rows"),
    }));
    try {
      const transaction = database.transaction("rows", mode), asked = act(transaction.objectStore("rows"));
      await new Promise((done, fail) => Object.assign(transaction, { oncomplete: done, onabort: () => fail(transaction.error) }));
      return asked?.result;
    } finally {
      database.close();
    }
  }
}
const answered = (request) =>
  new Promise((done, fail) => Object.assign(request, { onsuccess: () => done(request.result), onerror: () => fail(request.error) }));
