import { useEffect, useState } from 'preact/hooks';
import { theme } from '../app/theme.ts';

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
