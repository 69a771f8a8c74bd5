import { effect, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const KEY = 'trimtab.theme';

const kept = localStorage.getItem(KEY);
/** `auto` is what the system says. */
export const theme = signal<Theme>(THEMES.find((name) => name === kept) ?? 'auto');

effect(() => {
  document.documentElement.style.colorScheme = theme.value === 'auto' ? 'light dark' : theme.value;
  localStorage.setItem(KEY, theme.value);
});

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] as Theme;
}

const system = matchMedia('(prefers-color-scheme: dark)');

/** Whether the page is dark now: what is drawn cannot say `light-dark()`. */
export function useDark(): boolean {
  const [systemDark, setSystemDark] = useState(system.matches);
  useEffect(() => {
    const changed = () => setSystemDark(system.matches);
    system.addEventListener('change', changed);
    return () => system.removeEventListener('change', changed);
  }, []);
  return theme.value === 'auto' ? systemDark : theme.value === 'dark';
}
