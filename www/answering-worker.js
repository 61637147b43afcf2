// A worker's side of the calls of helper.js.

/** Called with news on the way to an answer. @typedef {(news: unknown) => void} Report */

/**
 * Answers calls from now on.
 * @param {Record<string, (report: Report, ...args: any[]) => unknown>} tasks
 * @param {() => string | undefined} panic the text of the panic that has stopped the worker's module, if one has
 */
export function answer(tasks, panic) {
  onmessage = async ({ data: { id, task, args, lock } }) => {
    if (lock) return hold(lock);
    try {
      postMessage({ id, result: await tasks[task]((news) => postMessage({ id, news }), ...args) });
    } catch (error) {
      // A module that has stopped answers nothing any more: the next call is for another worker.
      postMessage({ id, error: why(error, panic), isOver: error instanceof WebAssembly.RuntimeError });
    }
  };
}

/** Tells the page when this worker has died: then its lock is free. @param {string} lock */
function hold(lock) {
  navigator.locks?.request(lock, () => {
    postMessage({ holds: lock });
    return new Promise(() => {});
  });
}

/**
 * @param {unknown} error
 * @param {() => string | undefined} panic
 */
function why(error, panic) {
  try {
    const text = panic();
    if (text) return text;
  } catch {
    // The module is not there: the error itself says why.
  }
  return error instanceof Error ? error.message : String(error);
}
