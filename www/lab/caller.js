// A worker that is asked for things: every answer goes to whoever asked.

/** @typedef {{ resolve: (result: any) => void, reject: (error: Error) => void, progress: (news: any) => void }} Call */

export class Caller {
  #start;
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Map<number, Call>} */
  #calls = new Map();
  #last = 0;

  /** @param {() => Worker} start makes the worker, when it is asked for the first time, or again after it was stopped */
  constructor(start) {
    this.#start = start;
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
   * @param {(news: any) => void} progress
   * @param {string} task
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  watch(progress, task, ...args) {
    this.#worker ??= this.#listen(this.#start());
    const id = ++this.#last;
    this.#worker.postMessage({ id, task, args });
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject, progress }));
  }

  /** Ends what the worker does; whoever waits for it is told. */
  stop() {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#fail('stopped');
  }

  /** @param {Worker} worker */
  #listen(worker) {
    worker.addEventListener('message', ({ data: { id, result, error, progress } }) => {
      const call = this.#calls.get(id);
      if (progress !== undefined) return call?.progress(progress);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(error));
    });
    // The worker's script itself did not load.
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#fail(event.message || 'its worker did not load');
    });
    return worker;
  }

  /** @param {string} text */
  #fail(text) {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(new Error(text));
  }
}
