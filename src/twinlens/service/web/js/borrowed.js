// Query pictures of one collection for a search in another one, where their ids would mean other pictures.

import * as api from "./api.js";

const known = new Map(); // the reference of the upload by collection and id

/** Return references and files for ids of a collection; note(references) learns what became of the files. */
export async function borrow(collection, ids) {
  const keys = ids.map((id) => (id.startsWith("upload:") ? id : `${collection} ${id}`));
  const image = ids.map((id, at) => (id === keys[at] ? id : known.get(keys[at]))).filter(Boolean);
  const lacking = ids.filter((id, at) => id !== keys[at] && !known.has(keys[at]));
  const files = await Promise.all(lacking.map((id) => fetchFile(collection, id)));
  const note = (references) => lacking.forEach((id, at) => known.set(`${collection} ${id}`, references[at]));
  return { image, files, note };
}

async function fetchFile(collection, id) {
  const answer = await fetch(api.file(collection, id));
  if (!answer.ok) throw new api.ApiError(answer.status, `the picture ${id} cannot be read, so that the other collection is not searched`);
  return new File([await answer.blob()], "picture");
}
