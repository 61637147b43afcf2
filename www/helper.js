// A worker that answers calls: started when the first one comes, and again after it has died.

/** @typedef {{ resolve: (result: any) => void, reject: (error: Error) => void, tell: (news: any) => void }} Call */

/** Why a call has no answer, where the page itself ended the worker. */
export const STOPPED = 'stopped';

let count = 0;

export class Helper {
  #start;
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Map<number, Call>} */
  #calls = new Map();
  #lastCall = 0;

  /** @param {() => Worker} start its script answers by `answer` of answering-worker.js */
  constructor(start) {
    this.#start = start;
  }

  /** Whether the worker of the last call lives, and so knows what it was told. */
  get isAlive() {
    return this.#worker !== undefined;
  }

  /**
   * @param {string} task
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  call(task, ...args) {
    return this.watch(() => {}, task, ...args);
  }

  /**
   * As `call`, with news on the way.
   * @param {(news: any) => void} tell
   * @param {string} task
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  watch(tell, task, ...args) {
    return new Promise((resolve, reject) => {
      this.#worker ??= this.#started();
      const id = ++this.#lastCall;
      this.#calls.set(id, { resolve, reject, tell });
      this.#worker.postMessage({ id, task, args });
    });
  }

  /** Ends what the worker does; whoever waits for it is told that it was `STOPPED`. */
  stop() {
    this.#end(STOPPED);
  }

  #started() {
    const worker = this.#start();
    const died = (/** @type {string} */ why) => this.#worker === worker && this.#end(why);
    worker.addEventListener('message', ({ data: { id, result, error, isOver, news } }) => {
      // What a worker that was ended still had to say is not for the next one's calls.
      if (this.#worker !== worker) return;
      const call = this.#calls.get(id);
      if (news !== undefined) return call?.tell(news);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(error));
      if (isOver) died(error);
    });
    // Its script did not load, or an error that nobody caught.
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      died(event.message || 'its worker did not load');
    });
    // A lock that the worker holds for as long as it lives.
    const lock = `digit8 worker ${performance.timeOrigin} ${++count}`;
    worker.postMessage({ lock });
    worker.addEventListener('message', ({ data: { holds } }) => {
      if (holds === lock) navigator.locks.request(lock, () => died('its worker died'));
    });
    return worker;
  }

  /** @param {string} why */
  #end(why) {
    this.#worker?.terminate();
    this.#worker = undefined;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(new Error(why));
  }
}
