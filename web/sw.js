/**
 * Keeps every file of the page, so that it works without a network after the first visit. The build
 * puts in the version, a hash of all files, and their list. Requests for anything else, such as the
 * API of a server that the page came from, are left alone.
 */

const CACHE = `glassgpt-${'VERSION'}`;
const FILES = ['FILES'];
const known = new Set(FILES.map((file) => new URL(file, self.location).href));
const start = new URL('./', self.location).href;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener('activate', (event) => {
  const drop = (names) => names.filter((name) => name.startsWith('glassgpt-') && name !== CACHE);
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(drop(names).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = request.url.split('#')[0];
  if (request.method !== 'GET') return;
  if (url === start) {
    // The page itself may name a run of the server: the network first, the copy without one.
    event.respondWith(fetch(request).catch(() => caches.match(new URL('./index.html', start).href)));
  } else if (known.has(url)) {
    event.respondWith(caches.match(request).then((kept) => kept ?? fetch(request)));
  }
});
