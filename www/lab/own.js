// Bring your own, take it away: files in and out, and the link that holds it all.

import { byId, element } from '../dom.js';
import { words } from '../files.js';
import { showPixels } from '../engine.js';
import { button, figure, styled, worker } from './lab.js';
import { recipeOf } from './maker.js';
import { openFile } from './open-file.js';
import { pngOf } from './png.js';
import { save } from './save.js';

/** @import { Session } from '../session.js' */
/** @import { Opened } from './open-file.js' */

/** What an ONNX network takes for a pixel, where its file does not say. */
const SCALINGS = { normalized: 'normalised, as here', unit: 'from 0 to 1', bytes: 'from 0 to 255' };

/** @param {Session} session */
export async function open(session) {
  await styled();
  const input = element('input', { type: 'file', id: 'own-file', 'data-testid': 'open-file', accept: '.safetensors,.onnx,.json,.jsonl,image/*' });
  const state = element('p', { class: 'verdict', role: 'status', 'data-testid': 'open-result' }, 'Nothing of it leaves your device.');
  const shown = element('div', { class: 'figures' });
  const back = button('Back to the page’s own network', 'own-back', () => session.update({ own: undefined }));
  const scaling = element(
    'select',
    { id: 'own-scaling', 'data-testid': 'open-scaling' },
    ...Object.entries(SCALINGS).map(([value, label]) => element('option', { value }, label)),
  );
  const zone = element(
    'div',
    { class: 'drop' },
    element('label', { for: input.id }, 'Drop a file anywhere on the page, or choose one'),
    input,
    element('label', { for: scaling.id }, 'An ONNX network takes pixels'),
    scaling,
    element('p', { class: 'small' }, 'PyTorch’s example normalises them; Keras’ examples take them from 0 to 1.'),
  );
  byId('own-body').replaceChildren(zone, state, element('p', { class: 'controls' }, back), shown, takeAway(session, (text) => (state.textContent = text)));

  const opened = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    state.textContent = `Opening ${file.name} …`;
    shown.replaceChildren();
    try {
      const { text, picture } = await openFile(session, file, scaling.value);
      state.textContent = text;
      if (picture) shown.replaceChildren(stages(picture));
    } catch (error) {
      state.textContent = `This cannot be opened: ${words(error)}`;
    }
    session.say(state.textContent);
  };
  input.addEventListener('change', async () => {
    await opened(input.files?.[0]);
    // The same file can be chosen again.
    input.value = '';
  });
  addEventListener('dragover', (event) => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
  });
  addEventListener('drop', (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    opened(event.dataTransfer.files[0]);
  });
  const show = () => (back.hidden = session.state.own === undefined);
  session.subscribe(show);
  show();
}

/** What became of a picture. @param {NonNullable<Opened['picture']>} picture */
function stages({ bitmap, read }) {
  const before = element('canvas', { width: String(bitmap.width), height: String(bitmap.height), role: 'img', 'aria-label': 'The picture, with a frame around its ink' });
  const context = /** @type {CanvasRenderingContext2D} */ (before.getContext('2d'));
  context.drawImage(bitmap, 0, 0);
  if (!read.kept) {
    const part = Math.max(1, Math.max(bitmap.width, bitmap.height) / 1024);
    const [left, top, width, height] = read.ink.map((value) => value * part);
    context.lineWidth = Math.max(1, bitmap.width / 100);
    context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue('--int8');
    context.strokeRect(left, top, width, height);
  }
  const after = element('canvas', { width: '28', height: '28', role: 'img', 'aria-label': 'What the networks see', 'data-testid': 'open-preview' });
  showPixels(after, read.pixels);
  return figure('From the picture to what the networks see', 'the ink in its frame, then 28 by 28 pixels.', element('div', { class: 'pair' }, before, after));
}

/**
 * @param {Session} session
 * @param {(text: string) => void} tell
 */
function takeAway(session, tell) {
  const attempt = (/** @type {() => unknown} */ action) => async () => {
    try {
      await action();
    } catch (error) {
      tell(`This cannot be saved: ${words(error)}.`);
    }
  };
  const text = element('input', { type: 'text', readonly: '', 'aria-label': 'The link', 'data-testid': 'link' });
  text.hidden = true;
  const note = element('span', { role: 'status', 'data-testid': 'link-copied' });
  const copy = button('Copy link', 'copy-link', async () => {
    text.value = link(session);
    try {
      await navigator.clipboard.writeText(text.value);
      note.textContent = 'Copied: drawing, network, recipe and place are in it.';
    } catch {
      note.textContent = 'This browser does not let the page copy: here is the link, selected.';
      text.hidden = false;
      text.select();
    }
  });
  const int8 = () => {
    const { loaded } = session.state.networks.int8;
    if (!loaded) throw new Error('the int8 network has not arrived yet');
    return loaded;
  };
  const drawing = async () => {
    const { pixels } = session;
    if (!pixels) throw new Error('nothing is drawn');
    const { search, hash } = new URL(link(session));
    save('digit8-drawing.png', /** @type {BlobPart} */ (await pngOf(pixels, search + hash)), 'image/png');
  };
  return figure(
    'Take it away',
    'the link has your drawing, network, recipe and the place on the page in it; the drawing’s picture gives all that back when it is dropped here.',
    element(
      'p',
      { class: 'controls' },
      copy,
      button('int8 network (safetensors)', 'download-int8', attempt(() => save('digit8-int8.safetensors', /** @type {BlobPart} */ (int8().file), 'application/octet-stream'))),
      button('int8 network (ONNX)', 'download-onnx', attempt(async () => save('digit8-int8.onnx', await worker.call('onnx', int8().file), 'application/octet-stream'))),
      button('Recipe (JSON)', 'download-recipe', attempt(async () => save('digit8-recipe.json', await worker.call('recipeJson', recipeOf(session.state) ?? `scheme=${session.state.scheme}`), 'application/json'))),
      button('Drawing (PNG)', 'download-drawing', attempt(drawing)),
    ),
    note,
    text,
  );
}

/** The address of all that the page shows. @param {Session} session */
function link({ state }) {
  const url = new URL(location.href);
  if (state.chapter) url.hash = state.chapter;
  return url.href;
}
