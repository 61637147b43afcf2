// For a class: prepared states with a question each, the page in a page, and a sheet to print.

import { byId, element } from '../dom.js';
import { button, figure, styled } from './lab.js';

/** @import { Session } from '../session.js' */

/** A prepared state, and what to find out. @typedef {{ name: string, link: string, question: string }} Task */

/** @type {Task[]} */
const TASKS = [
  {
    name: 'Four weights are enough?',
    link: '?recipe=weight-bits=2#make',
    question: 'With two bits a weight is one of four numbers. What does the network still read, and what happens if only linear1 gets its eight bits back?',
  },
  {
    name: 'One scale for all, or one for each',
    link: '?recipe=weight-bits=3#make',
    question: 'Give each channel a scale of its own: which layer gains most, and what does it cost in bytes?',
  },
  {
    name: 'The network that was trained longer',
    link: '?model=notebook&recipe=weight-bits=3#make',
    question: 'One network was trained for one epoch, the other for many. Which of them stands three bits better, and why?',
  },
  {
    name: 'A digit that is only just read',
    link: '?model=notebook#test-digits',
    question: 'Find a digit that float32 reads right and int8 does not. Which layer, put back to float, mends it?',
  },
  {
    name: 'Integers, line by line',
    link: '?neuron=1-0&scheme=fused#neuron',
    question: 'Add up the eight greatest products by hand. How far from the whole sum are you, and where is the rest?',
  },
];

/** Parts of the page that can stand alone, by the name that `show` has for them. */
const WIDGET = 'pad,answers,walk';

/** @param {Session} session */
export async function open(session) {
  await styled();
  const list = element(
    'ol',
    { class: 'tasks' },
    ...TASKS.map(({ name, link, question }) => element('li', {}, element('a', { href: link }, name), element('p', {}, question))),
  );
  const code = element('textarea', { readonly: '', rows: '3', 'aria-label': 'Code for a page of your own', 'data-testid': 'iframe' });
  const show = () => {
    const url = new URL(location.href);
    url.searchParams.set('show', WIDGET);
    code.value = `<iframe src="${url.href.replaceAll('&', '&amp;')}" title="digit8: one digit, float32 and int8" width="100%" height="900" loading="lazy"></iframe>`;
  };
  show();
  session.subscribe(() => show());
  const note = element('span', { role: 'status' });
  const copy = button('Copy', 'copy-iframe', async () => {
    try {
      await navigator.clipboard.writeText(code.value);
      note.textContent = 'Copied.';
    } catch {
      code.select();
      note.textContent = 'This browser does not let the page copy: here is the code, selected.';
    }
  });
  const address = element('p', { class: 'print-link' });
  document.querySelector('footer')?.append(address);
  addEventListener('beforeprint', () => (address.textContent = location.href));
  byId('class-body').replaceChildren(
    element(
      'div',
      { class: 'figures' },
      figure('Try this', 'five states of the page, with a question each.', list),
      figure(
        'In a page of your own',
        'the page as it is now, with its pad, answers and walk alone; other parts are named after the chapters’ addresses (show=pad,bits or hide=bench).',
        code,
        element('p', { class: 'controls' }, copy, button('Print this page', 'print', () => print()), note),
      ),
    ),
  );
}
