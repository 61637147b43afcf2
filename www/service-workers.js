// The browser's service workers, and the one in charge when the page started.

/** None where the browser has none, or where the page may not touch them. */
export function serviceWorkers() {
  try {
    return navigator.serviceWorker;
  } catch {
    return undefined;
  }
}

/** The service worker that brought this page, if one did: once another is in charge, a new version is out. */
export const STARTED_BY = serviceWorkers()?.controller;
