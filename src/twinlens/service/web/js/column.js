// A column of answers: a collection, its search, and its grid. There are two where models are compared.

import { buildCard, footOf } from "./card.js";
import { el } from "./dom.js";
import { Grid } from "./grid.js";
import { Search } from "./search.js";

export class Column {
  /** context: collection(), kinds(), hasFolders(), marks(hit), note(hit), act(name, hit, column), open(hit, column), and show. */
  constructor(context, label) {
    this.context = context;
    this.title = el("b");
    this.line = el("span", { class: "quiet" });
    this.grid = new Grid({
      build: (hit) => this.#card(hit),
      near: () => this.search.more(),
      hasFoot: (hit) => footOf(hit, { note: (one) => context.note(one, this), hasFolders: context.hasFolders }) !== "",
      label,
    });
    this.element = el("section", { class: "column" }, el("header", {}, this.title, this.line), this.grid.list);
    this.search = new Search(this.#shows(), context);
  }

  #card(hit) {
    const { context } = this;
    return buildCard(hit, {
      collection: context.collection,
      share: (one) => this.#share(one),
      marks: context.marks,
      note: (one) => context.note(one, this),
      act: (name, one) => context.act(name, one, this),
      open: (one) => context.open(one, this),
      shape: (width, height) => this.grid.note(width, height),
      hasFolders: context.hasFolders,
      activate: (id) => { this.grid.activate(id); context.activated(this); },
    });
  }

  /** The score's share of the best one, with nothing at the mean of the collection. */
  #share({ score }) {
    const best = this.search.hits[0]?.score ?? 1;
    const mean = Math.min(this.search.answer?.mean ?? 0, best - 1e-9);
    return Math.min(1, Math.max(0.02, (score - mean) / (best - mean)));
  }

  #shows() {
    const draw = (answer, hits, options) => {
      this.grid.isWhole = !answer.cursor;
      this.grid.show(hits, options);
    };
    const { show } = this.context;
    return {
      started: () => show.started(this),
      answered: (answer, hits) => { draw(answer, hits); show.answered(this, answer, hits); },
      more: (answer, hits) => { draw(answer, hits, { more: true }); show.more(this, answer, hits); },
      failed: (error) => { if (!this.search.answer) this.grid.show([]); show.failed(this, error); },
      emptied: () => { this.grid.show([]); show.emptied(this); },
    };
  }
}
