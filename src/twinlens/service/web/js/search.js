// Searching for one column: one request at a time, always for the newest state, so that a slide is as fast as answers.

import * as api from "./api.js";
import { build, hasQuery } from "./request.js";
import * as state from "./state.js";
import * as uploads from "./uploads.js";

const UPLOAD = "upload:";
const UNUSABLE = new Set([413, 415]); // too large, or no picture

export class Search {
  /**
   * show: functions started, answered, more, failed, and emptied. collection, kinds: functions of what is searched.
   * references(ids): where the state's pictures are of another collection, what stands for them (see borrowed.js).
   */
  constructor(show, { collection, kinds, references = null }) {
    Object.assign(this, { show, collection, kinds, references });
    this.answer = null;
    this.hits = [];
    this.running = false;
    this.again = false;
  }

  /** Search for the state as it is now, or once the running search is answered. */
  async run() {
    this.again = true;
    if (this.running) return;
    this.running = true;
    while (this.again) {
      this.again = false;
      await this.#once();
    }
    this.running = false;
  }

  async #once() {
    if (!hasQuery(state.get(), uploads.waiting())) {
      this.#forget();
      this.show.emptied();
      return;
    }
    this.show.started();
    try {
      this.answer = await this.#ask();
      this.hits = this.answer.hits;
      this.show.answered(this.answer, this.hits);
    } catch (error) {
      if (this.#sendsAgain(error)) return;
      // Answers to another query would mislead; they stay for a file that is no picture, which is left out.
      if (!UNUSABLE.has(error.status)) this.#forget();
      this.show.failed(error);
    }
  }

  #forget() {
    this.answer = null;
    this.hits = [];
  }

  async #ask() {
    if (this.references) return this.#askWithBorrowed();
    const sent = uploads.waiting();
    const json = this.#json(sent);
    if (!sent.length) return api.search(json);
    const answer = await api.searchWith(sent.map((one) => one.file), json).catch((error) => {
      if (UNUSABLE.has(error.status)) sent.forEach(uploads.drop);
      throw error;
    });
    const references = answer.query.image.slice(json.image.length);
    uploads.settle(sent, references);
    // Pictures that were taken away meanwhile stay away.
    const kept = state.get().image.filter((one) => json.image.includes(one));
    const fresh = state.get().image.filter((one) => !json.image.includes(one));
    state.correct({ image: [...new Set([...kept, ...references, ...fresh])] });
    return answer;
  }

  #json(files) {
    return { ...build(state.get(), this.kinds(), { files }), collection: this.collection() || null };
  }

  /** Search with pictures of another collection; what is unlike is left out, since it can be no upload. */
  async #askWithBorrowed() {
    const { image, files, note } = await this.references(state.get().image);
    const json = { ...this.#json(files), image, unlike: [] };
    const answer = await (files.length ? api.searchWith(files, json) : api.search(json));
    note(answer.query.image.slice(image.length));
    return answer;
  }

  /** Send pictures again that the service does not remember any more. */
  #sendsAgain(error) {
    const forgotten = state.get().image.filter((one) => one.startsWith(UPLOAD));
    if (error.status !== 404 || !forgotten.length || !forgotten.every(uploads.fileOf)) return false;
    uploads.resend(forgotten);
    state.correct({ image: state.get().image.filter((one) => !one.startsWith(UPLOAD)) });
    this.again = true;
    return true;
  }

  /** Fetch the answers after those that are there. */
  async more() {
    const before = this.answer;
    if (this.running || !before?.cursor) return;
    this.running = true;
    try {
      const answer = await api.search({ ...before.query, collection: this.collection() || null, cursor: before.cursor });
      this.answer = answer;
      this.hits = [...this.hits, ...answer.hits];
      this.show.more(answer, this.hits);
    } catch (error) {
      this.show.failed(error);
    }
    this.running = false;
    if (this.again) this.run();
  }
}
