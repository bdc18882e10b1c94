import { useEffect, useState } from 'react';

/**
 * Says that a newer version of the page has been published since it was opened. The files of the
 * version on the screen stay in the service worker's cache until then, so nothing has to be hurried.
 */
export function NewVersion() {
  const [newer, setNewer] = useState(false);
  useEffect(() => {
    const { serviceWorker } = navigator;
    if (!serviceWorker) return;
    const look = () => void isOutdated().then(setNewer);
    serviceWorker.addEventListener('controllerchange', look);
    return () => serviceWorker.removeEventListener('controllerchange', look);
  }, []);
  if (!newer) return null;
  return (
    <div
      role="status"
      className="panel mb-6 flex flex-wrap items-center gap-3 border-yellow p-3 font-medium"
    >
      <p>A new version of this page is available.</p>
      <button type="button" className="btn" onClick={() => location.reload()}>
        reload
      </button>
    </div>
  );
}

/** Whether the page that the service worker keeps begins with another script than this one. */
async function isOutdated(): Promise<boolean> {
  const script = document.querySelector<HTMLScriptElement>('script[type="module"][src]');
  if (!script) return false;
  try {
    const response = await fetch('./index.html');
    return response.ok && !(await response.text()).includes(script.getAttribute('src')!);
  } catch {
    return false;
  }
}
