/**
 * Keeps every file of the page, so that it works without a network after the first visit. The build
 * puts in the version, a hash of all files, and their list. Requests for anything else, such as the
 * API of a server that the page came from, are left alone.
 *
 * The files of the version before are kept, too: a page that was opened before a new version was
 * published still gets its own files.
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
  event.waitUntil(dropOld().then(() => self.clients.claim()));
});

/** Drop all versions but this one and the newest of the others. */
async function dropOld() {
  const names = await caches.keys(); // in the order in which they were made
  const others = names.filter((name) => name.startsWith('glassgpt-') && name !== CACHE);
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
}

/** This version's copy of a file, or that of the version before. */
async function kept(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) ?? caches.match(request);
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = request.url.split('#')[0];
  if (request.method !== 'GET') return;
  if (url === start) {
    // The page itself may name a run of the server: the network first, the copy without one.
    event.respondWith(fetch(request).catch(() => kept(new URL('./index.html', start).href)));
  } else if (known.has(url) || url.startsWith(`${start}assets/`)) {
    event.respondWith(kept(request).then((copy) => copy ?? fetch(request)));
  }
});
