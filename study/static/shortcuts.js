// Whether single keys act (WCAG 2.1.4): who speaks to the computer, or presses keys by mistake, switches them off. The
// browser's storage keeps it; without one they act.

const NAME = "shortcuts";

/** Whether single keys may act; Tab, Enter, space and Escape always do. */
export function singleKeys() {
  try {
    return localStorage.getItem(NAME) !== "off";
  } catch {
    return true;
  }
}

function keep({ currentTarget: box }) {
  try {
    localStorage.setItem(NAME, box.checked ? "on" : "off");
  } catch {
    box.checked = true; // nothing can be kept
  }
}

const choice = document.getElementById("shortcuts");
if (choice) {
  choice.checked = singleKeys();
  choice.addEventListener("change", keep);
}
