/**
 * Waits until an element comes near the window: on a phone, most visitors only draw.
 * @param {Element} element
 * @returns {Promise<void>}
 */
export const near = (element) =>
  new Promise((resolve) => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer.disconnect();
        resolve();
      },
      { rootMargin: '160px' },
    );
    observer.observe(element);
  });
