// Mouse and touch on the images: a drag marks a region or moves the loupe, a tap flips.

const STILL = 6; // CSS px within which a press is a tap

/** Listens on `area`, the element that holds the images. `tap` is called for a tap that marks nothing. */
export function listen(area, { stage, loupe, region, tap }) {
  let down = null; // where the pointer went down, and whether to mark

  area.addEventListener("pointerdown", (event) => {
    const spot = stage.locate(event);
    if (!spot || event.button !== 0) return;
    down = { x: event.clientX, y: event.clientY, marks: region.marking };
    event.target.setPointerCapture(event.pointerId);
    if (down.marks) region.press(spot.pixel);
  });

  area.addEventListener("pointermove", (event) => {
    const spot = stage.locate(event);
    if (!spot) return;
    if (down?.marks) region.drag(spot.pixel);
    else if (down || event.pointerType === "mouse") loupe.point(spot.part);
  });

  area.addEventListener("pointerup", (event) => {
    if (!down) return;
    const { x, y, marks } = down;
    down = null;
    if (marks) region.release();
    else if (Math.hypot(event.clientX - x, event.clientY - y) < STILL) tap();
  });

  area.addEventListener("pointercancel", () => (down = null));
}
