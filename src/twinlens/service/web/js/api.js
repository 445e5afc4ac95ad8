// Requests to the service. Its errors are one line with the cure, and are shown as they are.

export class ApiError extends Error {
  constructor(status, line) {
    super(line);
    this.status = status;
  }
}

let unauthorized = () => {};

/** Call a function when the service wants a token. */
export function onUnauthorized(listener) {
  unauthorized = listener;
}

/** Return the JSON of an answer. Throws ApiError with the service's line. */
export async function request(path, { json, form, signal } = {}) {
  const body = json === undefined ? form : JSON.stringify(json);
  const headers = json === undefined ? {} : { "content-type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, { method: body ? "POST" : "GET", body, headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "the service does not answer; see whether twinlens serve is still running");
  }
  const data = await answer.json().catch(() => ({}));
  if (answer.status === 401) unauthorized();
  if (!answer.ok) throw new ApiError(answer.status, data.error || `the service answered ${answer.status}`);
  return data;
}

/** Build an address from a path and parameters; lists repeat their name, null and undefined are left out. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined) query.append(name, one);
    }
  }
  return query.size ? `${path}?${query}` : path;
}

export const collections = () => request("/collections");
export const fields = (collection) => request(address("/fields", { collection }));
export const duplicates = (collection) => request(address("/duplicates", { collection }));
export const picture = (collection, id) => request(address(`/pictures/${encodeURIComponent(id)}`, { collection }));
export const explain = (collection, id, search) =>
  request(address(`/explain/${encodeURIComponent(id)}`, { search, collection }));
export const search = (json, signal) => request("/search", { json, signal });

/** Search with pictures that the service does not know yet. */
export function searchWith(files, json, signal) {
  const form = new FormData();
  form.append("request", JSON.stringify(json));
  for (const file of files) form.append("image", file, file.name || "picture");
  return request("/search", { form, signal });
}

export const thumb = (collection, id, size = 240) =>
  address(`/thumbs/${encodeURIComponent(id)}`, { size, collection });
export const file = (collection, id) => address(`/pictures/${encodeURIComponent(id)}/file`, { collection });
export const gate = (collection, id, search) =>
  address(`/explain/${encodeURIComponent(id)}/gate.png`, { search, collection });
export const exported = (collection, search, format, ids) => address("/export", { collection, search, format, ids });
