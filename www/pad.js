// The pad: strokes of a pen, a finger, a mouse or the keyboard, drawn as they come.

import { BLANK } from './session.js';

/** @import { Point, Session } from './session.js' */

const LINE = 0.075;
const STEP = 0.05;

export class Pad {
  #session;
  #canvas;
  #context;
  /** The pointer that draws; others are ignored until it is lifted. @type {number | undefined} */
  #pointer;
  /** The keyboard's pen. */
  #cursor = { at: /** @type {Point} */ ([0.5, 0.5]), down: false, shown: false };

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Session} session
   */
  constructor(canvas, session) {
    this.#session = session;
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
    session.subscribe(({ drawing, pen }, before) => {
      if (drawing !== before.drawing || pen !== before.pen) this.draw();
    });
  }

  undo() {
    this.#session.update({ drawing: { strokes: this.#strokes.slice(0, -1), isDown: false } });
  }

  clear() {
    this.#session.update({ drawing: BLANK });
  }

  get #strokes() {
    return this.#session.state.drawing.strokes;
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (this.#pointer !== undefined || event.button !== 0) return;
    this.#hideCursor();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#begin(this.#place(event));
  }

  /** @param {Point} point */
  #begin(point) {
    this.#session.update({ drawing: { strokes: [...this.#strokes, [point]], isDown: true } });
  }

  /** @param {Point[]} points */
  #add(points) {
    const last = this.#strokes.at(-1);
    if (!last || !this.#session.state.drawing.isDown) return;
    this.#session.update({ drawing: { strokes: [...this.#strokes.slice(0, -1), [...last, ...points]], isDown: true } });
  }

  #end() {
    const { drawing } = this.#session.state;
    if (drawing.isDown) this.#session.update({ drawing: { ...drawing, isDown: false } });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    this.#add((coalesced.length > 0 ? coalesced : [event]).map((moved) => this.#place(moved)));
  }

  /** @param {PointerEvent} event */
  #lift(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = undefined;
    this.#end();
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
    cursor.shown = true;
    if (move) {
      cursor.at = [within(cursor.at[0] + STEP * move[0]), within(cursor.at[1] + STEP * move[1])];
      if (cursor.down) this.#add([cursor.at]);
    } else if (event.key === ' ') {
      cursor.down = !cursor.down;
      if (cursor.down) {
        this.#begin(cursor.at);
        this.#session.say('The pen is down.');
      } else this.#end();
    } else if (event.key === 'Backspace') {
      cursor.down = false;
      this.undo();
    } else if (event.key === 'Escape') {
      cursor.down = false;
      this.clear();
    } else return;
    event.preventDefault();
    this.draw();
  }

  #hideCursor() {
    const wasDown = this.#cursor.down;
    this.#cursor.shown = this.#cursor.down = false;
    this.draw();
    if (wasDown) this.#end();
  }

  draw() {
    const { drawing, pen } = this.#session.state;
    const canvas = this.#canvas;
    const context = this.#context;
    const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    if (canvas.width !== side) canvas.width = canvas.height = side;
    context.setTransform(side, 0, 0, side, 0, 0);
    context.clearRect(0, 0, 1, 1);
    context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
    context.lineCap = context.lineJoin = 'round';
    context.lineWidth = LINE * Math.sqrt(pen);
    if (drawing.picture) this.#image(drawing.picture);
    for (const stroke of drawing.strokes) this.#line(stroke);
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
