// A worker that answers calls: started when the first one comes, and again after it has died.

/** @typedef {{ resolve: (result: any) => void, reject: (error: Error) => void }} Call */

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
    return new Promise((resolve, reject) => {
      this.#worker ??= this.#started();
      const id = ++this.#lastCall;
      this.#calls.set(id, { resolve, reject });
      this.#worker.postMessage({ id, task, args });
    });
  }

  #started() {
    const worker = this.#start();
    const died = (/** @type {string} */ why) => this.#worker === worker && this.#end(why);
    worker.addEventListener('message', ({ data: { id, result, error, isOver } }) => {
      const call = this.#calls.get(id);
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
