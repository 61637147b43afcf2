// The pad: strokes of a pen, a finger, a mouse or the keyboard, drawn as they come. What is drawn is what one sees: a line ends at
// the edge, and one that comes back from beyond it is another.

import { clip, within } from './clip.js';
import { inkPicture } from './engine.js';
import { settled } from './drawing-code.js';
import { BLANK } from './session.js';

/** @import { Point, Session } from './session.js' */

const LINE = 0.075;
const STEP = 0.05;
/** @type {Record<string, Point>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Pad {
  #session;
  #canvas;
  #context;
  /**
   * The pointer that draws, where it was last (also beyond the edge), and whether its stroke goes on from there. None once the drawing
   * was changed by something else: what the pointer does until it is lifted is no part of it.
   * @type {{ id: number, at: Point, isOnPad: boolean } | undefined}
   */
  #pointer;
  /** The keyboard's pen. */
  #cursor = { at: /** @type {Point} */ ([0.5, 0.5]), isDown: false, isShown: false };
  /** What this pad has made of the drawing. @type {Point[][]} */
  #own = [];

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
    for (const end of /** @type {const} */ (['pointerup', 'pointercancel', 'lostpointercapture'])) {
      canvas.addEventListener(end, ({ pointerId }) => pointerId === this.#pointer?.id && this.#lift());
    }
    canvas.addEventListener('contextmenu', (event) => this.#pointer && event.preventDefault());
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('blur', () => this.#hideCursor());
    let width = 0;
    new ResizeObserver(() => {
      // A phone that is turned: what was under the finger is elsewhere now.
      if (width !== canvas.clientWidth) this.#lift();
      width = canvas.clientWidth;
      this.draw();
    }).observe(canvas);
    for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)', 'print']) {
      matchMedia(query).addEventListener('change', () => this.draw());
    }
    session.subscribe(({ drawing, pen }, before) => {
      if (drawing.strokes !== this.#own || !drawing.isDown) {
        this.#pointer = undefined;
        this.#cursor.isDown = false;
      }
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

  /** @param {Point[][]} strokes */
  #set(strokes) {
    this.#own = strokes;
    this.#session.update({ drawing: { strokes, isDown: true } });
  }

  /** Ends the stroke that is under way. */
  #lift() {
    const { drawing } = this.#session.state;
    this.#pointer = undefined;
    if (!drawing.isDown) return;
    // As it is in the page's address, so that whoever opens that sees the same answers.
    const strokes = drawing.strokes.map((stroke, at) => (at + 1 < drawing.strokes.length ? stroke : settled(stroke)));
    this.#session.update({ drawing: { strokes, isDown: false } });
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (this.#pointer || event.button !== 0) return;
    this.#hideCursor();
    const [x, y] = this.#place(event);
    const at = /** @type {Point} */ ([within(x), within(y)]);
    this.#pointer = { id: event.pointerId, at, isOnPad: true };
    this.#set([...this.#strokes, [at]]);
    this.#canvas.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const pointer = this.#pointer;
    if (event.pointerId !== pointer?.id) return;
    // The button was let go where the page could not see it.
    if (event.buttons === 0) return this.#lift();
    const coalesced = event.getCoalescedEvents?.() ?? [];
    const strokes = [...this.#strokes];
    for (const moved of coalesced.length > 0 ? coalesced : [event]) {
      const to = this.#place(moved);
      const seen = clip(pointer.at, to);
      if (seen && pointer.isOnPad && !seen.enters) strokes.push([...(strokes.pop() ?? []), seen.end]);
      else if (seen) strokes.push([seen.start, seen.end]);
      pointer.isOnPad = seen !== undefined && !seen.leaves;
      pointer.at = to;
    }
    this.#set(strokes);
  }

  /** @param {PointerEvent} event @returns {Point} */
  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const cursor = this.#cursor;
    const move = MOVES[event.key];
    if (event.key === 'Backspace') this.undo();
    else if (event.key === 'Escape') this.clear();
    else if (!move && event.key !== ' ') return;
    else if (!this.#pointer) {
      if (move) {
        cursor.at = [within(cursor.at[0] + STEP * move[0]), within(cursor.at[1] + STEP * move[1])];
        if (cursor.isDown) this.#set([...this.#strokes.slice(0, -1), [...(this.#strokes.at(-1) ?? []), cursor.at]]);
      } else if (cursor.isDown) this.#lift();
      else {
        cursor.isDown = true;
        this.#set([...this.#strokes, [cursor.at]]);
        this.#session.say('The pen is down.');
      }
    }
    event.preventDefault();
    cursor.isShown = true;
    this.draw();
  }

  #hideCursor() {
    this.#cursor.isShown = false;
    if (this.#cursor.isDown) this.#lift();
    this.draw();
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
    if (drawing.picture && this.#session.state.kernel) this.#image(drawing.picture);
    for (const stroke of drawing.strokes) this.#line(stroke);
    if (this.#cursor.isShown) this.#cross();
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
    const context = this.#context;
    const colour = String(context.fillStyle).match(/[0-9a-f]{2}/g)?.map((part) => parseInt(part, 16)) ?? [0, 0, 0];
    small.getContext('2d')?.putImageData(inkPicture(pixels, colour), 0, 0);
    context.imageSmoothingQuality = 'high';
    context.drawImage(small, 0, 0, 1, 1);
  }

  #cross() {
    const context = this.#context;
    const [x, y] = this.#cursor.at;
    context.lineWidth = this.#cursor.isDown ? 0.012 : 0.006;
    context.beginPath();
    context.arc(x, y, 0.03, 0, 2 * Math.PI);
    context.stroke();
  }
}
