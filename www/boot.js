// Says what is in the way where the page's own scripts do not run: this one is small, old-fashioned, and keeps its name.

(function () {
  'use strict';

  /** @param {string} text */
  function say(text) {
    var place = document.getElementById('said');
    if (place) place.textContent = text;
    document.documentElement.dataset.started = '';
    document.documentElement.dataset.state = 'error';
  }

  /**
   * What is wrong with a script, if something is.
   * @param {string} url
   */
  function judge(url) {
    var path = new URL(url).pathname;
    return fetch(url).then(
      function (response) {
        var type = response.headers.get('content-type') || '';
        if (!response.ok || /^text\/html/.test(type)) {
          var what = response.ok ? 'the host sends a web page in its place' : String(response.status) + ' ' + response.statusText;
          return path + ' is gone (' + what.trim() + '). Most likely a new version of this page is out: reload it.';
        }
        if (!/javascript|ecmascript/.test(type)) {
          return 'The host sends ' + path + ' as ' + (type || 'no type at all') + ', and browsers take scripts as text/javascript alone: it must be set up to say so.';
        }
        return '';
      },
      function () {
        return path + ' did not load: ' + (navigator.onLine ? 'the host does not answer. Reload the page to try again.' : 'you are offline.');
      }
    );
  }

  function look() {
    // Opened as a file, the page says so by itself.
    if ('started' in document.documentElement.dataset || location.protocol === 'file:') return;
    var links = document.querySelectorAll('script[type=module], link[rel=modulepreload]');
    var verdicts = Array.from(links, function (link) {
      return judge(/** @type {HTMLScriptElement} */ (link).src || /** @type {HTMLLinkElement} */ (link).href);
    });
    Promise.all(verdicts).then(function (troubles) {
      if ('started' in document.documentElement.dataset) return;
      var trouble = troubles.filter(Boolean)[0];
      say(trouble || 'The page’s scripts do not run here. They need a browser of 2021 or later: Chrome or Edge 91, Firefox 90, Safari 15.4.');
    });
  }

  if (document.readyState === 'complete') look();
  else addEventListener('load', look);
})();
