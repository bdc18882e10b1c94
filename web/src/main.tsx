import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './frame/App.tsx';
import { startSettings } from './store/settings.ts';
import './styles.css';

startSettings();
if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // Without it (a private window, a strict host) the page works, but not offline.
  addEventListener('load', () => void navigator.serviceWorker.register('./sw.js').catch(() => {}));
}
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
