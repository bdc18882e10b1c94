/** All figures in all their states, drawn from a model that comes with the page. */

import { createRoot } from 'react-dom/client';
import { openPretrained } from '../src/store/load.ts';
import { settings, startSettings, toggleTheme } from '../src/store/settings.ts';
import { useExplorer } from '../src/store/use.ts';
import { PAGES, type State } from './pages.tsx';
import './styles.css';

function Gallery() {
  const loaded = useExplorer((s) => s.loaded);
  const error = useExplorer((s) => s.error);
  if (error) return <p role="alert">{error}</p>;
  if (!loaded) return <p className="p-6">The model is being read…</p>;
  return (
    <div className="h-full overflow-y-auto">
      <header className="flex flex-wrap items-center gap-4 border-b-4 border-line p-4">
        <h1 className="text-3xl font-black">Figures</h1>
        <button type="button" className="btn" onClick={toggleTheme}>
          light or dark
        </button>
        <nav aria-label="Figures" className="flex flex-wrap gap-3 text-sm">
          {Object.keys(PAGES).map((figure) => (
            <a key={figure} href={`#${figure}`}>
              {figure}
            </a>
          ))}
        </nav>
      </header>
      <main className="space-y-10 p-4">
        {Object.entries(PAGES).map(([figure, states]) => (
          <section key={figure} id={figure} aria-labelledby={`${figure}-title`}>
            <h2 id={`${figure}-title`} className="mb-3 font-mono text-xl font-bold">
              {figure}
            </h2>
            <div className="grid grid-cols-[minmax(0,1fr)] gap-5 md:grid-cols-2">
              {states().map((state) => (
                <Framed key={state.name} {...state} />
              ))}
            </div>
          </section>
        ))}
      </main>
    </div>
  );
}

function Framed({ name, view: View }: State) {
  return (
    <div className="@container min-w-0" data-state={name}>
      <h3 className="caption mb-1">{name}</h3>
      <View />
    </div>
  );
}

settings.setState({ code: true });
startSettings();
void openPretrained('english');
const root = document.getElementById('root');
if (root) createRoot(root).render(<Gallery />);
