// A virtualised grid: only the cards in view and a few rows beyond are elements, placed by transforms.

import { altOf } from "./card.js";
import { el, reducesMotion } from "./dom.js";

const GAP = 18;
const NARROW_GAP = 10;
const TEXT_HEIGHTS = { long: 81, short: 62, foot: 21 }; // below the tile, by its caption, and of a line below that
const TEXT_PIXELS = 16; // font size at which these heights are
const PADDING = 24; // pixels beside the texts
const LETTER = 7.5; // pixels
const TOUCH_HEIGHT = 36; // of the buttons, which stand below the texts there
const ROWS_BEYOND = 3;
const SHAPES = [1, 4]; // widths of tiles by their heights, the least and the most
const SAMPLE = 4; // pictures whose shapes decide that of the tiles

export class Grid {
  /**
   * build(hit): a card, {element, update(hit), focus()}. near(): is called when the end comes near. hasFoot(hit): True
   * if there is a line below the caption.
   */
  constructor({ build, near, hasFoot, label }) {
    Object.assign(this, { build, near, hasFoot });
    this.list = el("ul", { class: "grid", "aria-label": label });
    this.hits = [];
    this.cards = new Map(); // by id
    this.places = new Map(); // rank in this grid by id
    this.active = null; // the id of the card that takes the focus
    this.ratio = 4 / 3;
    this.shapes = [];
    this.touch = matchMedia("(hover: none)");
    new ResizeObserver(() => this.layout({ still: true })).observe(this.list);
    addEventListener("scroll", () => this.#soon(), { passive: true });
    addEventListener("resize", () => this.#soon(), { passive: true });
  }

  /** Show answers: cards of pictures that stay slide to their new places. */
  show(hits, { more = false } = {}) {
    const place = this.list.contains(document.activeElement) ? this.places.get(this.active) : undefined;
    this.hits = hits;
    this.places = new Map(hits.map((hit, at) => [hit.id, at]));
    if (!this.places.has(this.active)) this.active = hits[0]?.id ?? null;
    for (const [id, card] of this.cards) {
      if (this.places.has(id)) card.update(hits[this.places.get(id)]);
    }
    this.layout({ still: more || reducesMotion() });
    // A picture that is no answer any more, such as one that was marked, hands the focus to the one in its place.
    if (place !== undefined && !this.list.contains(document.activeElement)) this.focus(place);
  }

  /** Show the cards anew, as after a mark; a line that came below captions makes them higher. */
  refresh() {
    for (const [id, card] of this.cards) card.update(this.hits[this.places.get(id)]);
    if (this.list.clientWidth && this.size && this.#measure().height !== this.size.height) this.layout({ still: true });
  }

  layout({ still = false } = {}) {
    const size = this.#measure();
    this.list.classList.toggle("slides", !still);
    this.list.style.setProperty("--card-width", `${size.width}px`);
    this.list.style.setProperty("--card-height", `${size.height}px`);
    this.list.style.setProperty("--tile-height", `${size.tile}px`);
    const rows = Math.ceil(this.hits.length / size.columns);
    this.list.style.height = `${Math.max(0, rows * size.step - size.gap)}px`;
    this.size = size;
    this.#fill();
  }

  #measure() {
    const width = this.list.clientWidth;
    const gap = width < 480 ? NARROW_GAP : GAP;
    const wanted = (width < 480 ? 132 : 170) * Math.min(1.5, Math.max(1, this.ratio / 1.2));
    const columns = Math.max(1, Math.floor((width + gap) / (Math.min(wanted, width) + gap)));
    const cardWidth = (width - gap * (columns - 1)) / columns;
    const tile = Math.round(cardWidth / this.ratio);
    const height = tile + this.#textHeight(cardWidth - PADDING) + (this.touch.matches ? TOUCH_HEIGHT : 0);
    return { columns, gap, width: cardWidth, tile, height, step: height + gap };
  }

  #textHeight(width) {
    const isLong = this.hits.some((hit) => altOf(hit).length * LETTER > width);
    const foot = this.hits.some(this.hasFoot) ? TEXT_HEIGHTS.foot : 0;
    const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / TEXT_PIXELS;
    return Math.ceil((TEXT_HEIGHTS[isLong ? "long" : "short"] + foot) * scale);
  }

  /** Make the cards in view, take away the others; the card with the focus stays, or the focus would be lost. */
  #fill() {
    const { first, end } = this.#inView();
    const wanted = new Set(this.hits.slice(first, end).map((hit) => hit.id));
    if (this.places.has(this.active)) wanted.add(this.active);
    for (const [id, card] of this.cards) {
      if (wanted.has(id)) continue;
      card.element.remove();
      this.cards.delete(id);
    }
    for (const id of wanted) this.#place(id);
    this.#order();
    if (this.hits.length && end >= this.hits.length) this.near();
  }

  #inView() {
    const { step, columns } = this.size;
    const top = -this.list.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / step) - ROWS_BEYOND) * columns;
    const end = (Math.ceil((top + innerHeight) / step) + ROWS_BEYOND) * columns;
    return { first: Math.min(first, this.hits.length), end: Math.max(0, end) };
  }

  #place(id) {
    const at = this.places.get(id);
    let card = this.cards.get(id);
    if (!card) {
      card = this.build(this.hits[at]);
      card.element.classList.add("new");
      card.element.addEventListener("animationend", () => card.element.classList.remove("new"), { once: true });
      this.cards.set(id, card);
    }
    const { columns, width, gap, step } = this.size;
    const x = (at % columns) * (width + gap);
    card.element.style.transform = `translate(${x}px, ${Math.floor(at / columns) * step}px)`;
    card.element.setAttribute("aria-posinset", at + 1);
    card.element.setAttribute("aria-setsize", this.isWhole ? this.hits.length : -1);
    card.tabbable(id === this.active);
  }

  /** Keep the elements in the order of the answers, as screen readers and Tab go through them. */
  #order() {
    const ordered = [...this.cards].sort(([a], [b]) => this.places.get(a) - this.places.get(b));
    let before = null;
    for (const [, { element }] of ordered) {
      const next = before ? before.nextSibling : this.list.firstChild;
      // An element that has the focus would lose it by being moved: the others are moved around it.
      if (next !== element && !element.contains(document.activeElement)) this.list.insertBefore(element, next);
      before = element;
    }
  }

  #soon() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      if (this.size && this.list.isConnected) this.#fill();
    });
  }

  /** Note the shape of a picture; the first ones decide the shape of all tiles. */
  note(width, height) {
    if (this.shapes.length >= SAMPLE || !height) return;
    this.shapes.push(width / height);
    if (this.shapes.length !== Math.min(SAMPLE, this.hits.length)) return;
    const middle = [...this.shapes].sort((a, b) => a - b)[Math.floor(this.shapes.length / 2)];
    this.ratio = Math.min(SHAPES[1], Math.max(SHAPES[0], middle));
    this.layout({ still: true });
  }

  /** Make a card the one that Tab reaches. */
  activate(id) {
    if (id === this.active) return;
    this.cards.get(this.active)?.tabbable(false);
    this.active = id;
    this.cards.get(id)?.tabbable(true);
  }

  /** Move the focus to an answer by its place, scrolling it into view. */
  focus(at) {
    const hit = this.hits[Math.min(Math.max(at, 0), this.hits.length - 1)];
    if (!hit) return;
    this.activate(hit.id);
    this.#fill();
    const card = this.cards.get(hit.id);
    card.focus();
    card.element.scrollIntoView({ block: "nearest", behavior: "instant" });
  }

  /** Move the focus by a key; return False for a key that moves nothing. */
  move(key) {
    const at = this.places.get(this.active) ?? 0;
    const { columns } = this.size;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: this.hits.length };
    if (!(key in steps)) return false;
    const to = at + steps[key];
    if (key === "ArrowUp" && to < 0) return true;
    this.focus(to);
    return true;
  }
}
