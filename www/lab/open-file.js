// A visitor's own files: what is in one is told by its content, and nothing of it leaves the page.

import { words } from '../files.js';
import { worker } from './lab.js';
import { isPng, stateOf } from './png.js';

/** @import { Session, Drawing, Point } from '../session.js' */

/** More than any such file needs. */
const MOST = 64_000_000;
/** The longest side of a picture that is looked at; larger ones are made smaller first. */
const LONGEST = 1024;

/**
 * What became of a picture on its way to 28×28 pixels.
 * @typedef {{ pixels: Uint8Array, inverted: boolean, kept: boolean, ink: [number, number, number, number], scale: number, moved: [number, number] }} Read
 */
/** @typedef {{ text: string, picture?: { bitmap: ImageBitmap, read: Read } }} Opened */

/**
 * Opens a file, and says what it was.
 * @param {Session} session
 * @param {File} file
 * @param {string} scaling what an ONNX network takes for its input, where that is `float`
 * @returns {Promise<Opened>}
 */
export async function openFile(session, file, scaling) {
  if (file.size === 0) throw new Error(`${file.name} is empty`);
  if (file.size > MOST) throw new Error(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB, expected ${MOST / 1e6} MB at most`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    if (isPng(bytes)) {
      const state = stateOf(bytes);
      if (state !== undefined) return restored(state);
    }
    if (isPicture(bytes, file.type)) return await picture(session, file);
    const text = asText(bytes);
    if (text !== undefined) return json(session, text);
    return await network(session, file.name, bytes, scaling);
  } catch (error) {
    throw new Error(`${file.name}: ${words(error)}`);
  }
}

/** @param {Uint8Array} bytes @param {string} type */
const isPicture = (bytes, type) => isPng(bytes) || (bytes[0] === 0xff && bytes[1] === 0xd8) || type.startsWith('image/');

/** What begins as JSON does. @param {Uint8Array} bytes */
function asText(bytes) {
  const start = bytes.find((byte) => byte > 32);
  if (start !== 0x7b && start !== 0x5b) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A picture that carries the page's state. @param {string} state */
function restored(state) {
  const url = new URL(location.pathname, location.href);
  const [search, ...hash] = state.split('#');
  url.search = search;
  url.hash = hash.join('#');
  history.pushState(null, '', url);
  dispatchEvent(new PopStateEvent('popstate'));
  return { text: 'The picture carried the page’s state: drawing, network and recipe are as they were.' };
}

/**
 * @param {Session} session
 * @param {File} file
 */
async function picture(session, file) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error('not a picture that this browser can read');
  });
  const shrink = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * shrink)));
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.drawImage(bitmap, 0, 0, width, height);
  /** @type {Read} */
  const read = await worker.call('picture', new Uint8Array(context.getImageData(0, 0, width, height).data.buffer), width, height);
  const pixels = Uint8Array.from(read.pixels);
  session.update({ drawing: { strokes: [], picture: pixels, isDown: false } });
  const steps = read.kept
    ? ['it is of MNIST’s form already', ...(read.inverted ? ['dark ink on light paper was inverted'] : [])]
    : [
        read.inverted ? 'dark ink on light paper was inverted' : 'light ink on dark paper stayed',
        `the ink’s box of ${read.ink[2]} × ${read.ink[3]} pixels was brought to 20 (× ${read.scale.toPrecision(3)})`,
        `and moved by ${read.moved.map((part) => part.toFixed(1).replace('-', '−')).join(' and ')}, its centre of mass to the middle`,
      ];
  return { text: `The picture is on the pad: ${steps.join(', ')}.`, picture: { bitmap, read: { ...read, pixels } } };
}

/**
 * @param {Session} session
 * @param {string} text
 */
async function json(session, text) {
  // One drawing, or the first of many, one a line.
  const value = parsed(text) ?? parsed(text.trim().split('\n')[0]);
  if (value === undefined) throw new Error('not JSON, though it begins as JSON does');
  const drawing = Array.isArray(value) ? value : value.strokes;
  if (drawing) {
    session.update({ drawing: strokes(drawing) });
    return { text: 'The drawing is on the pad.' };
  }
  const recipe = await worker.call('recipeOfJson', text);
  session.update({ recipe });
  return { text: `The recipe ${recipe} makes the int8 network now.` };
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The strokes of a drawing, in whatever unit: those that are not within the pad's are brought there.
 * @param {unknown} given
 * @returns {Drawing}
 */
function strokes(given) {
  const isPoint = (/** @type {unknown} */ point) => Array.isArray(point) && point.length >= 2 && point.slice(0, 2).every(Number.isFinite);
  const isDrawing = Array.isArray(given) && given.length > 0 && given.every((stroke) => Array.isArray(stroke) && stroke.length > 0 && stroke.every(isPoint));
  if (!isDrawing) throw new Error('not a drawing: expected "strokes", a list of lists of [x, y]');
  const lines = /** @type {Point[][]} */ (given);
  const all = lines.flat(2);
  const isOnPad = all.every((value) => value >= 0 && value <= 1);
  const least = [0, 1].map((axis) => Math.min(...lines.flat().map((point) => point[axis])));
  const extent = Math.max(...[0, 1].map((axis) => Math.max(...lines.flat().map((point) => point[axis])) - least[axis])) || 1;
  const place = (/** @type {Point} */ [x, y]) => /** @type {Point} */ (isOnPad ? [x, y] : [0.15 + (0.7 * (x - least[0])) / extent, 0.15 + (0.7 * (y - least[1])) / extent]);
  return { strokes: lines.map((line) => line.map(place)), isDown: false };
}

/**
 * @param {Session} session
 * @param {string} name
 * @param {Uint8Array} bytes
 * @param {string} scaling
 */
async function network(session, name, bytes, scaling) {
  /** @type {{ kind: string, hidden: number[], notes: string[], float: Uint8Array, int8?: Uint8Array }} */
  const { kind, hidden, notes, float, int8 } = await worker.call('network', bytes, scaling);
  session.update({ own: { name, float, int8 } });
  const size = `784-${hidden.join('-')}-10`;
  const text =
    kind === 'float32'
      ? `${name} is a float32 network ${size}: the page quantizes it here, and everything works on it now.`
      : `${name} is a ${kind} int8 network ${size}: it answers as int8, and beside it the float network that its integers stand for.`;
  return { text: [text, ...notes].join(' ') };
}
