// Watches over the page's program. Without it the page can be read, but none of its buttons works.
(() => {
  const TRIED = 'brokeforge-tried', PAUSES = [500, 2000, 6000];
  const NOT_LOADED = 'could not be loaded';
  const page = document.documentElement;
  const runs = () => page.dataset.hydrated === 'true';
  let failed = false;

  new MutationObserver((_, observer) => {
    if (!runs()) return;
    observer.disconnect();
    remember(0);
  }).observe(page, { attributeFilter: ['data-hydrated'] });
  for (const kind of ['error', 'unhandledrejection']) addEventListener(kind, onFailure);

  function onFailure(event) {
    if (failed) return;
    if (runs()) {
      failed = (event.error ?? event.reason) instanceof WebAssembly.RuntimeError;
      if (failed) tell('stopped because of a fault in it');
      return;
    }
    failed = true;
    const tried = triedBefore();
    const pause = PAUSES[tried];
    if (pause === undefined) return tell(NOT_LOADED);
    setTimeout(() => {
      // What failed may have been somebody else's, say an extension's.
      if (runs()) return;
      if (remember(tried + 1)) location.reload();
      else tell(NOT_LOADED);
    }, pause);
  }

  function tell(what) {
    const note = document.createElement('p'), again = document.createElement('a');
    note.setAttribute('role', 'alert');
    note.className = 'not-started';
    note.append(`This page can be read, but its program ${what}, so nothing on it works. If the panel can be reached, `);
    again.href = location.href;
    again.textContent = 'load the page again';
    note.append(again, '.');
    document.body.prepend(note);
    remember(0);
    if (!runs()) addEventListener('online', () => location.reload());
  }

  // A browser that keeps nothing for a page gets no second try, or it would try for ever.
  function remember(tried) {
    try {
      if (tried) sessionStorage.setItem(TRIED, tried);
      else sessionStorage.removeItem(TRIED);
      return true;
    } catch {
      return false;
    }
  }

  function triedBefore() {
    try {
      return Number(sessionStorage.getItem(TRIED)) || 0;
    } catch {
      return PAUSES.length;
    }
  }
})();
