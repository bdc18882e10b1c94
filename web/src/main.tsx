import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './frame/App.tsx';
import { startSettings } from './store/settings.ts';
import './styles.css';

/** First the page, then its copy for later: keeping a megabyte must not slow down opening it. */
const KEEP_AFTER_MS = 4000;

function keepOffline(): void {
  navigator.serviceWorker.register('./sw.js').catch(() => {});
}

startSettings();
if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // Without it (a private window, a strict host) the page works, but not offline.
  addEventListener('load', () => setTimeout(keepOffline, KEEP_AFTER_MS));
}
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
