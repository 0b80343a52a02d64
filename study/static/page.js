// The page around the images: where its parts stand, and every word that it says while trials run.

export const INSET = 8; // CSS px between the outer and the middle button
export const MIDDLE = 140; // least width of the middle button
const EDGE = 12; // CSS px to the window's edge
export const BUTTON = { width: 176, height: 56 };
export const ROW = 12; // between two rows of buttons
export const CAPTION = 26; // height of the word above the reference
export const MARK = { above: 8, height: 6, below: 10 };

const element = (id) => document.getElementById(id);

export class Page {
  constructor() {
    this.main = element("trial");
    this.canvases = { left: element("left"), right: element("right"), reference: element("reference") };
    this.buttons = [...document.querySelectorAll("[data-choice]")];
    this.original = element("show-reference");
    this.choose = Object.fromEntries(this.buttons.map((button) => [button.dataset.choice, button]));
    this.messages = { door: "", images: "", saving: "" };
  }

  /** What the plan has to leave room for; heights in CSS px. */
  get parts() {
    return {
      question: element("question").offsetHeight,
      hint: element("hint").offsetHeight,
      foot: document.querySelector("footer").offsetHeight,
      notSure: Boolean(this.choose.not_sure),
      onDemand: Boolean(this.original),
    };
  }

  /** Puts question, buttons and hint around the images, by the plan of the images. */
  furnish(layout, ratio) {
    const { columns } = layout;
    const [left, right, cell] = [columns.left, columns.right, layout.cell.width].map((device) => device / ratio);
    const middle = (left + right + cell) / 2;
    const bottom = (layout.y + layout.cell.height) / ratio;
    const row = bottom + MARK.above + MARK.height + MARK.below;
    // The outer buttons grow outwards, so that small images stay close together and targets stay large.
    const wide = Math.max(cell, Math.min(BUTTON.width, left + cell - EDGE));
    const inner = right - left - cell - 2 * INSET;
    move(element("question"), 0, layout.top / ratio);
    move(element("caption"), middle - cell / 2, layout.y / ratio - CAPTION, cell);
    move(this.choose.left, left + cell - wide, row, wide);
    move(this.choose.right, right, row, wide);
    move(this.choose.not_sure, middle - inner / 2, row, inner);
    move(this.original, middle - BUTTON.width / 2, row + BUTTON.height + ROW, BUTTON.width);
    move(element("hint"), 0, row + BUTTON.height + (this.original ? BUTTON.height + ROW : 0));
    move(element("feedback"), 0, row);
    this.marks = { left, right, not_sure: middle - cell / 2, y: bottom + MARK.above, width: cell };
  }

  /** A bar under the chosen side, until the next pair; null takes it away. */
  mark(choice) {
    element("mark").hidden = choice === null;
    if (choice !== null) move(element("mark"), this.marks[choice], this.marks.y, this.marks.width);
  }

  /** "23 of 60, about 5 minutes". */
  progress({ done, of, seconds_left: seconds }, practice) {
    element("progress").max = of;
    element("progress").value = done;
    element("count").textContent = practice ? "Practice" : `${done} of ${of}, ${minutes(seconds)}`;
  }

  /** A few words in the foot; "" takes that speaker's words away. The one who is worst off speaks first. */
  say(speaker, words) {
    this.messages[speaker] = words;
    element("status").textContent = this.messages.door || this.messages.images || this.messages.saving;
  }

  /** Why a press did not count. */
  hint(words) {
    element("hint").textContent = words;
  }

  /** After practice: the known answer in words and a mark; resolves when the participant goes on. */
  feedback({ correct, expected }) {
    const words = correct
      ? `✓ Yes, here the clear answer is: ${expected}.`
      : `✗ Here the clear answer is: ${expected}. Have another look.`;
    element("feedback").firstElementChild.textContent = words;
    this.#show("feedback");
    element("go-on").focus({ preventScroll: true });
    return new Promise((resolve) => {
      element("go-on").addEventListener("click", () => (this.#show("choices"), resolve()), { once: true });
    });
  }

  /** Says what to change where the images do not fit; null shows them again. All lengths in device pixels. */
  misfit(layout, view) {
    element("misfit").hidden = layout === null;
    this.main.classList.toggle("misfit", layout !== null);
    if (layout !== null) element("misfit").querySelector("p").textContent = remedy(layout.needs, view);
  }

  #show(which) {
    element("choices").hidden = which !== "choices";
    element("feedback").hidden = which !== "feedback";
  }
}

function move(part, x, y, width) {
  if (!part) return;
  part.style.transform = `translate(${x}px, ${y}px)`;
  if (width !== undefined) part.style.width = `${width}px`;
}

function minutes(seconds) {
  const whole = Math.max(1, Math.ceil(seconds / 60));
  return `about ${whole} minute${whole === 1 ? "" : "s"}`;
}

/** One sentence: what is missing, and what to do about it. */
function remedy(needs, view) {
  const missing = (need, have) => Math.ceil((need - have) / view.ratio);
  const turned = view.height >= needs.width && view.width >= needs.height;
  if (view.pinched) return "Please zoom out again with two fingers.";
  if (turned && matchMedia("(pointer: coarse)").matches) return "Please turn your device to its other side.";
  const lacks = [
    view.width < needs.width ? `${missing(needs.width, view.width)} pixels wider` : "",
    view.height < needs.height ? `${missing(needs.height, view.height)} pixels higher` : "",
  ].filter(Boolean);
  return `Please make the window ${lacks.join(" and ")}, or use a larger screen.`;
}
