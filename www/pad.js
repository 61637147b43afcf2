// The pad: strokes of a pen, a finger, a mouse or the keyboard, drawn as they come.

/** @typedef {[number, number]} Point in units of the pad's side, x to the right and y downwards */

const LINE = 0.075;
const STEP = 0.05;

/**
 * Fires `change` with every new point, `done` when a stroke has ended or was taken back, and `down` when the keyboard puts the
 * pen down.
 */
export class Pad extends EventTarget {
  /** @type {Point[][]} */
  strokes = [];
  /** An image `[784]` that stands there in place of strokes, until something is drawn. @type {Uint8Array | undefined} */
  picture;
  pen = 1;
  #canvas;
  #context;
  /** The pointer that draws; others are ignored until it is lifted. @type {number | undefined} */
  #pointer;
  /** The keyboard's pen. */
  #cursor = { at: /** @type {Point} */ ([0.5, 0.5]), down: false, shown: false };

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super();
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    canvas.addEventListener('pointerdown', (event) => this.#press(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    canvas.addEventListener('pointerup', (event) => this.#lift(event));
    canvas.addEventListener('pointercancel', (event) => this.#lift(event));
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('blur', () => this.#hideCursor());
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  undo() {
    this.strokes.pop();
    this.#ended();
  }

  clear() {
    this.strokes = [];
    this.picture = undefined;
    this.#ended();
  }

  /** Puts an image there. @param {Uint8Array} pixels */
  show(pixels) {
    this.strokes = [];
    this.picture = pixels;
    this.#ended();
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (this.#pointer !== undefined || event.button !== 0) return;
    this.#hideCursor();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#begin(this.#place(event));
    this.#changed();
  }

  /** @param {Point} point */
  #begin(point) {
    this.picture = undefined;
    this.strokes.push([point]);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    for (const moved of coalesced.length > 0 ? coalesced : [event]) this.strokes.at(-1)?.push(this.#place(moved));
    this.#changed();
  }

  /** @param {PointerEvent} event */
  #lift(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = undefined;
    this.#ended();
  }

  /** @param {PointerEvent} event @returns {Point} */
  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, Point>} */
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const cursor = this.#cursor;
    const move = moves[event.key];
    if (move) {
      cursor.at = [within(cursor.at[0] + STEP * move[0]), within(cursor.at[1] + STEP * move[1])];
      if (cursor.down) this.strokes.at(-1)?.push(cursor.at);
    } else if (event.key === ' ') {
      cursor.down = !cursor.down;
      if (cursor.down) this.#begin(cursor.at);
      this.dispatchEvent(new Event(cursor.down ? 'down' : 'done'));
    } else if (event.key === 'Backspace') {
      cursor.down = false;
      this.undo();
    } else if (event.key === 'Escape') {
      cursor.down = false;
      this.clear();
    } else return;
    event.preventDefault();
    cursor.shown = true;
    this.#changed();
  }

  #hideCursor() {
    const wasDown = this.#cursor.down;
    this.#cursor.shown = this.#cursor.down = false;
    this.draw();
    if (wasDown) this.dispatchEvent(new Event('done'));
  }

  #changed() {
    this.draw();
    this.dispatchEvent(new Event('change'));
  }

  #ended() {
    this.#changed();
    this.dispatchEvent(new Event('done'));
  }

  draw() {
    const canvas = this.#canvas;
    const context = this.#context;
    const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    if (canvas.width !== side) canvas.width = canvas.height = side;
    context.setTransform(side, 0, 0, side, 0, 0);
    context.clearRect(0, 0, 1, 1);
    context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
    context.lineCap = context.lineJoin = 'round';
    context.lineWidth = LINE * Math.sqrt(this.pen);
    if (this.picture) this.#image(this.picture);
    for (const stroke of this.strokes) this.#line(stroke);
    if (this.#cursor.shown) this.#cross();
  }

  /**
   * A curve through the middles between points: what the hand meant, not what the mouse could say.
   * @param {Point[]} stroke
   */
  #line(stroke) {
    const context = this.#context;
    const [first, ...rest] = stroke;
    context.beginPath();
    context.moveTo(...first);
    rest.forEach(([x, y], index) => {
      const [nextX, nextY] = rest[index + 1] ?? [x, y];
      context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    });
    if (rest.length === 0) context.lineTo(...first);
    context.stroke();
  }

  /** In the colour of ink, as large as the pad. @param {Uint8Array} pixels */
  #image(pixels) {
    const small = document.createElement('canvas');
    small.width = small.height = 28;
    const context = /** @type {CanvasRenderingContext2D} */ (small.getContext('2d'));
    const picture = context.createImageData(28, 28);
    pixels.forEach((ink, at) => (picture.data[4 * at + 3] = ink));
    context.putImageData(picture, 0, 0);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = this.#context.fillStyle;
    context.fillRect(0, 0, 28, 28);
    this.#context.imageSmoothingQuality = 'high';
    this.#context.drawImage(small, 0, 0, 1, 1);
  }

  #cross() {
    const context = this.#context;
    const [x, y] = this.#cursor.at;
    context.lineWidth = this.#cursor.down ? 0.012 : 0.006;
    context.beginPath();
    context.arc(x, y, 0.03, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** @param {number} coordinate */
const within = (coordinate) => Math.min(Math.max(coordinate, 0), 1);
