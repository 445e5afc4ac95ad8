// The query as the service takes it.

import { condition } from "./conditions.js";

export const PAGE = 60;
const NEAR_DUPLICATE = 0.98;
export const MAX_PICTURES = 8;

export const hasQuery = (state, files = []) => state.image.length + files.length > 0 || state.text.trim() !== "";
export const canSlide = (state, files = []) => state.image.length + files.length > 0 && state.text.trim() !== "";

/** Build the JSON of a search. kinds: of the collection's fields. files: pictures that go with it. */
export function build(state, kinds, { files = [], cursor = null } = {}) {
  return {
    collection: state.collection || null,
    image: state.image,
    text: state.text.trim() ? [state.text.trim()] : [],
    without: state.without,
    unlike: state.unlike,
    // Given from the first search on: every embedding that a slide needs is in the service's cache then.
    balance: canSlide(state, files) ? state.balance : null,
    where: condition(state.filters, kinds, state.where),
    folder: state.folder,
    near: state.near ? state.near.split(",").map(Number) : null,
    rerank: state.rerank || null,
    distinct: state.distinct ? NEAR_DUPLICATE : null,
    k: PAGE,
    cursor,
  };
}
