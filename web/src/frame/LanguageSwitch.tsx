import { isLanguage, LANGUAGES } from '../store/language.ts';
import { speak } from '../store/settings.ts';
import { useSettings } from '../store/use.ts';

/** The languages that exist; nothing where there is no choice. */
export function LanguageSwitch(props: { languages?: Readonly<Record<string, string>> }) {
  const languages = Object.entries(props.languages ?? LANGUAGES);
  const current = useSettings((s) => s.language);
  if (languages.length < 2) return null;
  return (
    <select
      className="field"
      aria-label="Language"
      value={current}
      onChange={({ target }) => isLanguage(target.value) && speak(target.value)}
    >
      {languages.map(([code, name]) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </select>
  );
}
