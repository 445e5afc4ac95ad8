// Pictures of queries that are no pictures of the collection: their files, and thumbnails for the session.

const KEY = "twinlens.uploads";
const MAX_KEPT = 12;
const THUMB_PIXELS = 320;
const known = new Map(); // by reference: {url, file}
let pending = []; // {url, file}: not sent yet

export const waiting = () => pending;
export const urlOf = (reference) => known.get(reference)?.url || null;
export const fileOf = (reference) => known.get(reference)?.file || null;

/** Take files that the next search sends. */
export function add(files) {
  pending = [...pending, ...files.map((file) => ({ file, url: URL.createObjectURL(file) }))];
}

export function drop(upload) {
  pending = pending.filter((one) => one !== upload);
}

/** Note the references under which the service knows the pictures that were sent. */
export function settle(sent, references) {
  sent.forEach((upload, at) => {
    if (!references[at]) return;
    known.set(references[at], upload);
    keep(references[at], upload.file);
  });
  pending = pending.filter((one) => !sent.includes(one));
}

/** Send the files of references again that the service has forgotten; return the references that have no file here. */
export function resend(references) {
  const lost = references.filter((reference) => !fileOf(reference));
  pending = [...references.filter(fileOf).map((reference) => known.get(reference)), ...pending];
  return lost;
}

/** Keep a small copy for this tab, so that the thumbnail is there when the page is loaded again. */
async function keep(reference, file) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, THUMB_PIXELS / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const kept = stored().filter(([name]) => name !== reference).slice(1 - MAX_KEPT);
    sessionStorage.setItem(KEY, JSON.stringify([...kept, [reference, canvas.toDataURL("image/jpeg", 0.8)]]));
  } catch {
    // Formats that this browser does not show, or a full storage: the picture is searched for all the same.
  }
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) || "[]");
  } catch {
    return [];
  }
}

/** Bring back the thumbnails of this tab; as blobs, since the policy allows no data: addresses. */
export function restore() {
  for (const [reference, data] of stored()) {
    const bytes = Uint8Array.from(atob(data.split(",")[1]), (one) => one.charCodeAt(0));
    known.set(reference, { url: URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })), file: null });
  }
}
