// Where a picture lies in its frame: pure arithmetic in CSS pixels, no document.
//
// A view is { scale, x, y }: CSS pixels for each pixel of the result, and the picture's left upper
// corner in the frame. Both pictures of a pair share one view; that is how they move together.

const MAT = 12; // CSS pixels of the frame that stay free around a picture shown whole

/** The view that shows all of a picture, never larger than 100 %. */
export function fit(frame, picture) {
  const across = (frame.width - 2 * MAT) / picture.width;
  const down = (frame.height - 2 * MAT) / picture.height;
  const scale = Math.min(Math.max(0, across), Math.max(0, down), 1);
  return settle(frame, picture, { scale, x: 0, y: 0 });
}

/** The nearest view without needless empty room: centred where smaller than the frame. */
export function settle(frame, picture, view) {
  const along = (room, length, at) =>
    length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at));
  return {
    scale: view.scale,
    x: along(frame.width, picture.width * view.scale, view.x),
    y: along(frame.height, picture.height * view.scale, view.y),
  };
}

/** The view at another scale, with what was at `point` of the frame still there where possible. */
export function zoom(frame, picture, view, scale, point) {
  const ratio = scale / view.scale;
  const x = point.x - (point.x - view.x) * ratio;
  const y = point.y - (point.y - view.y) * ratio;
  return settle(frame, picture, { scale, x, y });
}

/** The view moved by (dx, dy). */
export function pan(frame, picture, view, dx, dy) {
  return settle(frame, picture, { scale: view.scale, x: view.x + dx, y: view.y + dy });
}

/** The part of the frame that shows picture, as { left, top, width, height }. */
export function extent(frame, picture, view) {
  const left = Math.max(0, view.x);
  const top = Math.max(0, view.y);
  const right = Math.min(frame.width, view.x + picture.width * view.scale);
  const bottom = Math.min(frame.height, view.y + picture.height * view.scale);
  return { left, top, width: right - left, height: bottom - top };
}

/** The scale that a press on the zoom button leads to from the fitted view. */
export function closer(frame, picture) {
  return fit(frame, picture).scale < 1 ? 1 : 2;
}
