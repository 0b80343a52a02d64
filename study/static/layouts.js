// The layouts of docs/formats.md: which image stands where, and which images are in view together. Pure.

const GAP = 16; // CSS px between neighbouring images
const MARGIN = 12; // to the window's edges
export const INSET = 8; // between neighbouring buttons
export const MIDDLE = 140; // least width of the button between two images
export const BUTTON = { width: 176, height: 56 };
export const TOOL = 44; // height of the smaller buttons
export const ROW = 12; // between two rows of buttons
export const CAPTION = 26; // height of the word above an image
export const MARK = { above: 12, height: 6, below: 10 };

/** Whether A and B stand in one place, one at a time. */
export const inPlace = ({ layout }) => ["flip", "flip_reference", "flicker"].includes(layout);

/** Whether the images take turns by the clock. */
export const clocked = ({ layout }) => layout.startsWith("flicker");

/** The places from left to right; each lists the canvases that stand in it. */
export function columns({ layout, reference_mode: mode }) {
  const beside = mode === "never" ? [] : [["reference"]];
  if (layout === "flip" || layout === "flicker") return [["left", "right"], ...beside];
  if (layout === "flip_reference") return [["left", "right", "reference"]];
  if (layout === "flicker_reference") return [["left", "reference"], ["right", "reference-right"]];
  return [["left"], ...beside, ["right"]];
}

/** The image that a canvas shows: the original may stand in two places. */
export const imageOf = (canvas) => (canvas === "reference-right" ? "reference" : canvas);

/** What takes turns, the first one first: an image, or `both` candidates side by side. */
export function faces({ layout, reference_mode: mode }) {
  if (layout === "side_by_side") return ["both"];
  if (layout === "flicker_reference") return ["both", "reference"];
  return layout === "flip_reference" && mode === "always" ? ["left", "right", "reference"] : ["left", "right"];
}

/** The canvases in view while `face` has its turn; `asked`: the original on demand is asked for. */
export function inView({ layout, reference_mode: mode }, face, asked) {
  if (layout === "flip_reference") return [asked ? "reference" : face];
  if (layout === "flicker_reference") return face === "both" ? ["left", "right"] : ["reference", "reference-right"];
  const candidates = face === "both" ? ["left", "right"] : [face];
  return mode === "always" || asked ? [...candidates, "reference"] : candidates;
}

/** The canvases that a trial begins with. */
export const opening = (trial) => inView(trial, faces(trial)[0], false);

/** The images that must have been in view before a choice counts: the original as well, where it takes turns. */
export const required = (trial) => ["left", "right", ...(faces(trial).includes("reference") ? ["reference"] : [])];

/** The smaller buttons that a trial needs, by their ids. */
export function tools(trial) {
  const onDemand = trial.reference_mode === "on_demand";
  return [
    ...(inPlace(trial) ? ["show-left", "show-right"] : []),
    ...(onDemand || faces(trial).includes("reference") ? ["show-reference"] : []),
    ...(clocked(trial) ? ["run"] : []),
    ...(trial.loupe ? ["magnify"] : []),
    ...(trial.mark_region ? ["mark-region"] : []),
  ];
}

/** How many device pixels a side one image pixel takes. */
export function pixelScale({ device_pixels_per_pixel: scale }, ratio) {
  return scale === "auto" ? Math.max(1, Math.floor(ratio)) : scale;
}

/**
 * Where the images go: whole device pixels in, whole device pixels out. `view` is {width, height, ratio}; `parts` holds
 * heights in CSS px {question, hint, foot, tools}; without `tools` one row of them is reckoned with.
 * An original on demand has its place from the beginning, so that nothing moves when it comes into view.
 */
export function plan(view, trial, parts) {
  const px = (css) => Math.round(css * view.ratio);
  const scale = pixelScale(trial, view.ratio);
  const shown = [trial.left, trial.right, trial.reference].filter(Boolean);
  const cell = {
    width: scale * Math.max(...shown.map((image) => image.width)),
    height: scale * Math.max(...shown.map((image) => image.height)),
  };
  const places = columns(trial);
  const gap = Math.max(px(GAP), middleGap(trial, places.length, cell, px));
  const total = places.length * cell.width + (places.length - 1) * gap;
  const tooling = parts.tools ?? (tools(trial).length > 0 ? TOOL + ROW : 0);
  const above = px(parts.question + CAPTION);
  const below = px(MARK.above + MARK.height + MARK.below + BUTTON.height + tooling + parts.hint);
  const needs = { width: total + 2 * px(MARGIN), height: above + cell.height + below + px(parts.foot) };
  const x = Math.floor((view.width - total) / 2);
  const top = Math.max(0, Math.floor((view.height - needs.height) / 2));
  const fits = view.width >= needs.width && view.height >= needs.height;
  const at = places.map((_, index) => x + index * (cell.width + gap));
  return { fits, needs, scale, cell, places, at, top, y: top + above, tooling };
}

/** Where candidates stand apart, the button for "not sure" needs its width between the two outer ones. */
function middleGap(trial, places, cell, px) {
  if (inPlace(trial) || !trial.choices.includes("not_sure")) return 0;
  const middle = px(MIDDLE + 2 * INSET);
  return places === 3 ? Math.ceil((middle - cell.width) / 2) : middle;
}

/** The upper left corner of an image, centred in its place: whole device pixels. */
export function corner(layout, canvas, image) {
  const column = layout.places.findIndex((place) => place.includes(canvas));
  return {
    x: layout.at[column] + Math.floor((layout.cell.width - layout.scale * image.width) / 2),
    y: layout.y + Math.floor((layout.cell.height - layout.scale * image.height) / 2),
  };
}
