// The page around the images: its parts, where they stand, and which of its buttons are pressed.

import { BUTTON, CAPTION, INSET, MARK, ROW, columns, imageOf, inPlace, tools } from "./layouts.js";
import { list, say } from "./words.js";

const EDGE = 12; // CSS px to the window's edge
const WORD = 96; // least width of a caption
const element = (id) => document.getElementById(id);
const byId = (elements) => Object.fromEntries([...elements].map((one) => [one.id, one]));

export class Page {
  constructor() {
    this.main = element("trial");
    this.images = element("images");
    this.canvases = byId(this.images.querySelectorAll("canvas"));
    this.captions = [...document.querySelectorAll(".caption")];
    this.buttons = [...document.querySelectorAll("[data-choice]")];
    this.choose = Object.fromEntries(this.buttons.map((button) => [button.dataset.choice, button]));
    this.tools = byId(document.querySelectorAll("#tools button"));
    // A pointer leaves no focus behind, so that space and Enter press what the keyboard went to, and nothing else.
    addEventListener("mousedown", (event) => event.target.closest?.("button") && event.preventDefault());
  }

  /** Without single keys, no button names one. */
  hideKeys() {
    document.body.classList.add("by-buttons");
    for (const button of document.querySelectorAll("[aria-keyshortcuts]")) button.removeAttribute("aria-keyshortcuts");
  }

  /** What the plan has to leave room for: heights in CSS px. */
  get parts() {
    const row = element("tools").offsetHeight;
    return {
      question: element("question").offsetHeight,
      hint: element("hint").offsetHeight,
      foot: document.querySelector("footer").offsetHeight,
      tools: row > 0 ? row + ROW : 0,
    };
  }

  /** Offers the smaller buttons that a trial needs. */
  equip(trial) {
    const needed = tools(trial);
    for (const [id, button] of Object.entries(this.tools)) button.hidden = !needed.includes(id);
    element("tools").hidden = needed.length === 0;
    element("question").textContent = trial.question;
  }

  /** Puts question, captions, buttons and hint around the images, by the plan of the images. */
  furnish(trial, layout, { ratio, width }) {
    const [places, cell] = [layout.at.map((x) => x / ratio), layout.cell.width / ratio];
    const bottom = (layout.y + layout.cell.height) / ratio + MARK.above;
    const beneath = inPlace(trial); // the buttons that flip stand nearest to what they flip
    const row = bottom + (beneath ? layout.tooling : 0) + MARK.height + MARK.below;
    move(element("question"), 0, layout.top / ratio);
    this.captions.forEach((caption, index) => {
      caption.hidden = index >= places.length;
      const wide = Math.max(cell, WORD);
      move(caption, (places[index] ?? 0) + (cell - wide) / 2, layout.y / ratio - CAPTION, wide);
    });
    if (beneath) this.#row(width / ratio, row);
    else this.#beneath(places[0], places.at(-1), cell, row);
    move(element("tools"), 0, beneath ? bottom : row + BUTTON.height + ROW);
    move(element("hint"), 0, row + BUTTON.height + (beneath ? 0 : layout.tooling));
    move(element("feedback"), 0, row);
    this.bar = row - MARK.below - MARK.height;
  }

  /** The choices in a row in the middle of the window, for images in one place. */
  #row(window, y) {
    const order = ["left", "not_sure", "right"].filter((choice) => this.choose[choice]);
    const wide = Math.min(BUTTON.width, (window - 2 * EDGE + INSET) / order.length - INSET);
    const x = (window - order.length * (wide + INSET) + INSET) / 2;
    this.marks = {};
    order.forEach((choice, index) => {
      this.marks[choice] = { x: x + index * (wide + INSET), width: wide };
      move(this.choose[choice], this.marks[choice].x, y, wide);
    });
  }

  /** Each choice beneath its image; the outer ones grow outwards, so that small images stay close together. */
  #beneath(left, right, cell, y) {
    const wide = Math.max(cell, Math.min(BUTTON.width, left + cell - EDGE));
    const inner = right - left - cell - 2 * INSET;
    const middle = (left + right + cell) / 2;
    move(this.choose.left, left + cell - wide, y, wide);
    move(this.choose.right, right, y, wide);
    move(this.choose.not_sure, middle - inner / 2, y, inner);
    this.marks = {
      left: { x: left, width: cell },
      right: { x: right, width: cell },
      not_sure: { x: middle - Math.min(inner, cell) / 2, width: Math.min(inner, cell) },
    };
  }

  /**
   * The words above the places. While the clock is `running` they do not change with it, and the place of an original on
   * demand has its word from the beginning.
   */
  face(trial, canvases, running) {
    columns(trial).forEach((column, index) => {
      const turns = column.length > 1; // images that take turns in this place
      const named = column.filter((canvas) => {
        if (!turns) return true;
        return running ? imageOf(canvas) !== "reference" : canvases.includes(canvas);
      });
      this.captions[index].textContent = list(named.map((canvas) => caption(trial, canvas)));
    });
  }

  /** What is in view, in words, for those who hear the page. */
  told(trial, canvases) {
    return list([...new Set(canvases.map((canvas) => caption(trial, canvas)))]);
  }

  /** Which image the participant brought into view; while the images take turns by themselves, no button blinks along. */
  pressed(canvases, running) {
    for (const side of ["left", "right", "reference"]) {
      this.tools[`show-${side}`].setAttribute("aria-pressed", String(!running && canvases.includes(side)));
    }
    element("stop").hidden = !running;
    element("start").hidden = running;
  }

  /** How far the loupe is in. */
  magnify(zoom) {
    element("zoom").textContent = `${zoom}×`;
  }

  /** Whether a region is being marked, and whether one is. */
  marking(on, marked) {
    const button = this.tools["mark-region"];
    if (on && document.activeElement === button) {
      this.left = button;
      button.blur(); // Enter sets a corner now
    } else if (!on) {
      this.left?.focus({ preventScroll: true });
      this.left = null;
    }
    button.setAttribute("aria-pressed", String(on));
    element("marked").classList.toggle("shown", marked && !on);
    this.images.classList.toggle("marking", on);
  }

  /** What the smaller buttons do, by their ids. */
  onPress(acts) {
    for (const [id, act] of Object.entries(acts)) element(id).addEventListener("click", act);
  }

  /** A bar above the chosen button, until the next pair; null takes it away. */
  mark(choice) {
    element("mark").hidden = choice === null;
    if (choice !== null) move(element("mark"), this.marks[choice].x, this.bar, this.marks[choice].width);
  }
}

function caption(trial, canvas) {
  const image = imageOf(canvas);
  if (image === "reference") return say("original");
  return inPlace(trial) ? say(image === "left" ? "a" : "b") : "";
}

function move(part, x, y, width) {
  if (!part) return;
  part.style.transform = `translate(${x}px, ${y}px)`;
  if (width !== undefined) part.style.width = `${width}px`;
}
