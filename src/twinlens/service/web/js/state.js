// The one state of the page: the query. Its address is the page's address, so that it can be shared and gone back to.

export const EMPTY = Object.freeze({
  collection: "", // "" is the first one that is served
  image: [], // ids of pictures of the collection, or upload:HEX
  text: "",
  without: [],
  unlike: [],
  balance: 0.5,
  filters: {}, // by field: {values: […]}, or {from, to}
  folder: [],
  where: "",
  near: "", // latitude,longitude,kilometres
  rerank: "", // "" is what the model's recipe says
  distinct: true,
  compare: "", // a second collection, beside the first one
  view: "", // or "duplicates"
});

const LISTS = ["image", "without", "unlike", "folder"];
const TEXTS = ["collection", "text", "where", "near", "rerank", "compare", "view"];
// Changes that come in quick succession share one entry of the history.
const CONTINUOUS = new Set(["text", "balance"]);
// Changes that keep the view; any other one asks for something else, which the search shows.
const KEEPS_VIEW = new Set(["view", "collection", "distinct"]);

let state = read(location.search);
let lastKind = "";
const listeners = new Set();

export const get = () => state;
export const subscribe = (listener) => listeners.add(listener);

/** Change the state. kind: what changed, for the history and the listeners. */
export function set(patch, kind) {
  state = { ...state, ...(KEEPS_VIEW.has(kind) ? {} : { view: "" }), ...patch };
  const continues = CONTINUOUS.has(kind) && kind === lastKind;
  history[continues ? "replaceState" : "pushState"](null, "", addressOf(state));
  lastKind = kind;
  tell(kind);
}

/** Change the state in place, as where the service has named a picture; no entry of the history, no listener. */
export function correct(patch) {
  state = { ...state, ...patch };
  history.replaceState(null, "", addressOf(state));
}

/** Return the address of a state: only what differs from an empty query. */
export function addressOf(one) {
  const query = new URLSearchParams();
  for (const name of TEXTS) if (one[name]) query.set(name, one[name]);
  for (const name of LISTS) for (const value of one[name]) query.append(name, value);
  if (one.balance !== EMPTY.balance) query.set("balance", String(one.balance));
  if (!one.distinct) query.set("distinct", "no");
  if (Object.keys(one.filters).length) query.set("filters", JSON.stringify(one.filters));
  return query.size ? `/?${query}` : "/";
}

/** Read a state from the query string of an address; what cannot be read is left out. */
export function read(text) {
  const query = new URLSearchParams(text);
  const one = { ...EMPTY };
  for (const name of TEXTS) one[name] = query.get(name) || "";
  for (const name of LISTS) one[name] = query.getAll(name);
  const balance = Number.parseFloat(query.get("balance") ?? "0.5");
  one.balance = balance >= 0 && balance <= 1 ? balance : EMPTY.balance;
  one.distinct = query.get("distinct") !== "no";
  one.filters = readFilters(query.get("filters"));
  return one;
}

function readFilters(text) {
  try {
    const found = JSON.parse(text || "{}");
    const good = Object.entries(found).filter(([, filter]) => filter && typeof filter === "object");
    return Object.fromEntries(good.filter(([, filter]) => !("values" in filter) || Array.isArray(filter.values)));
  } catch {
    return {};
  }
}

function tell(kind) {
  for (const listener of listeners) listener(state, kind);
}

addEventListener("popstate", () => {
  state = read(location.search);
  lastKind = "";
  tell("history");
});
