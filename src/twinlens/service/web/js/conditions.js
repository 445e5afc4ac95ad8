// Filters as a condition in the service's language: `year >= 2020 and (tags has "night" or tags has "rain")`.

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const KEYWORDS = new Set(["and", "or", "not", "in", "like", "has", "true", "false"]);

/** Return True if conditions can name a field: no backtick, quote or backslash is part of any name in backticks. */
export const canName = (field) => !/[`"\\]/.test(field) && field !== "";

/** Return a field as conditions write it. */
export function name(field) {
  return NAME.test(field) && !KEYWORDS.has(field.toLowerCase()) ? field : `\`${field}\``;
}

/** Return a value as conditions write it. */
export function literal(value) {
  return typeof value === "number" ? String(value) : `"${String(value).replace(/[\\"]/g, "\\$&")}"`;
}

/** Return the condition of all filters and the one that somebody wrote; null without any. kinds: by field. */
export function condition(filters, kinds, written) {
  const parts = Object.entries(filters)
    .filter(([field]) => canName(field))
    .map(([field, filter]) => one(field, filter, kinds[field] || filter.kind));
  if (written.trim()) parts.push(`(${written.trim()})`);
  return parts.filter(Boolean).join(" and ") || null;
}

function one(field, filter, kind) {
  if (filter.values) return anyOf(field, filter.values, kind);
  return kind === "date" ? dates(field, filter) : numbers(field, filter);
}

function anyOf(field, values, kind) {
  const parts = values.map((value) => equals(name(field), value, kind));
  return parts.length > 1 ? `(${parts.join(" or ")})` : parts[0] || "";
}

function equals(field, value, kind) {
  const same = `${field} ${kind === "list" ? "has" : "="} ${literal(value)}`;
  // The service counts true and "true" together.
  return value === "true" || value === "false" ? `(${same} or ${field} = ${value})` : same;
}

function numbers(field, { from, to }) {
  return within([from !== null && `${name(field)} >= ${from}`, to !== null && `${name(field)} <= ${to}`]);
}

/** Both days belong to the range. Dates are compared to the same length, so that whole months and years are shortened. */
function dates(field, { from, to }) {
  return within([
    from && `${name(field)} >= ${literal(shortened(from))}`,
    to && `${name(field)} < ${literal(shortened(moved(to, 1)))}`,
  ]);
}

/** Return an example of a condition on a collection's fields; on the width of pictures where they have none. */
export function example(fields) {
  const field = fields.find((one) => canName(one.name) && (one.histogram.length || one.values.length));
  if (!field) return "width >= 1000";
  const least = field.histogram[Math.floor(field.histogram.length / 2)]?.from ?? field.values[0].value;
  if (field.kind === "date") return `${name(field.name)} >= ${literal(String(least).slice(0, 4))}`;
  if (field.kind === "number") return `${name(field.name)} >= ${Number(Number(least).toPrecision(3))}`;
  return `${name(field.name)} ${field.kind === "list" ? "has" : "="} ${literal(least)}`;
}

const within = (parts) => parts.filter(Boolean).join(" and ");
const shortened = (day) => day.replace(/-01$/, "").replace(/^(\d{4})-01$/, "$1");

/** Return the day some days after one, both as 2019-05-31. */
export function moved(day, days) {
  const time = new Date(`${day}T00:00:00Z`);
  time.setUTCDate(time.getUTCDate() + days);
  return Number.isNaN(time.getTime()) ? day : time.toISOString().slice(0, 10);
}

/** Return the first day of a year, a month or a day. */
export const firstDay = (unit) => unit + "-01-01".slice(unit.length - 4);
