// What went wrong, in words.

/** @param {unknown} error */
export const words = (error) => (error instanceof Error ? error.message : String(error));
