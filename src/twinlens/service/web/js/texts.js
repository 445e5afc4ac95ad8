// Numbers, dates and names as people read them.

const COUNT = new Intl.NumberFormat("en");
export const count = (number) => COUNT.format(number);
export const counted = (number, noun, plural = `${noun}s`) => `${count(number)} ${number === 1 ? noun : plural}`;

/** Return a date as people write it: 2019-05-31T14:22 → 31 May 2019; what is no date stays. */
export function date(text) {
  const found = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?/.exec(text || "");
  if (!found) return text || "";
  const [, year, month, day] = found;
  // The parts are those of the place where the picture was taken: no zone may move them.
  const time = new Date(Date.UTC(Number(year), Number(month || 1) - 1, Number(day || 1)));
  const parts = { year: "numeric", month: month && "short", day: day && "numeric", timeZone: "UTC" };
  return new Intl.DateTimeFormat("en-GB", parts).format(time);
}

const digits = (value) => Math.abs(value).toFixed(Math.abs(value) >= 100 ? 0 : 3);
const sign = (value, plus) => (Number(digits(value)) === 0 ? "" : value < 0 ? "−" : plus);
export const score = (value) => sign(value, "") + digits(value);
export const signed = (value) => sign(value, "+") + digits(value);
export const seconds = (value) => (value < 0.9995 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`);

/** Return a line as a sentence: a capital, unless a name begins it, and a full stop, unless an address ends it. */
export function sentence(line) {
  const capital = /^[a-z]+(?=[ ,;:]|$)/.test(line) ? line[0].toUpperCase() + line.slice(1) : line;
  return /(^|\s)[^\s/:.]*[\w)"'`]$/.test(capital) ? `${capital}.` : capital;
}

const FIELDS = { taken_from: "Date from" };
/** Return the name of a field as a label. */
export const field = (name) => FIELDS[name] ?? name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");

/** Return the last part of a path. */
export const base = (path) => path.split("/").filter(Boolean).pop() || path;

/** Return the folder that holds all of some folders, with a slash at its end. */
export function common(folders) {
  const [first = "", ...others] = folders.map((folder) => folder.split("/"));
  if (!first) return "";
  let depth = others.length ? first.length : first.length - 1;
  for (const other of others) while (depth && first.slice(0, depth).join("/") !== other.slice(0, depth).join("/")) depth -= 1;
  return depth ? `${first.slice(0, depth).join("/")}/` : "";
}
