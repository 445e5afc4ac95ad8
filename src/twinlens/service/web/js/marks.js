// Marks on answers: more like this, not like this. Both are part of the query.

import { MAX_PICTURES } from "./request.js";
import * as state from "./state.js";

export const liked = (id) => state.get().image.includes(id);
export const unliked = (id) => state.get().unlike.includes(id);

/**
 * Add a picture to those of the query, or take it away. The service searches for the mean of what the model makes of
 * every picture with the words, and subtracts what is unlike: Rocchio's feedback. Weights are left out on purpose, since
 * with them each part would be embedded alone and the composition of picture and words would be lost.
 */
export function like(id) {
  const { image, unlike } = state.get();
  if (liked(id)) state.set({ image: image.filter((one) => one !== id) }, "marks");
  else if (image.length < MAX_PICTURES) state.set({ image: [...image, id], unlike: unlike.filter((one) => one !== id) }, "marks");
  else return `a query has at most ${MAX_PICTURES} pictures; take one away first`;
  return null;
}

/** Mark a picture as one that answers should not be like, or take the mark away. */
export function unlike(id) {
  const { image, unlike: before } = state.get();
  if (unliked(id)) state.set({ unlike: before.filter((one) => one !== id) }, "marks");
  else state.set({ unlike: [...before, id], image: image.filter((one) => one !== id) }, "marks");
}
