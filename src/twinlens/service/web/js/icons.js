// Icons as paths in a square of 24.

const PATHS = {
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.2h.01",
  close: "M6 6l12 12M18 6L6 18",
  like: "M12 5v14M5 12h14",
  unlike: "M5 12h14",
  why: "M9.2 9.2a2.9 2.9 0 1 1 4.2 2.6c-.9.5-1.4 1-1.4 2.2M12 17.5h.01",
  select: "M5 12.5l4.5 4.5L19 7.5",
  back: "M14.5 5.5L8 12l6.5 6.5",
  on: "M9.5 5.5L16 12l-6.5 6.5",
  words: "M5 7h14M5 12h14M5 17h8",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
};

/** Build an icon; the text beside it or the button's label says what it means. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
