import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';

/** A view whose code is loaded when it is first shown; a failed load is tried again the next time. */
export function lazily(load: () => Promise<ComponentType>): ComponentType {
  const loaded = signal<ComponentType>();
  return function Lazy() {
    useEffect(() => {
      if (!loaded.value) void load().then((view) => (loaded.value = view));
    }, []);
    const View = loaded.value;
    return View ? <View /> : <p class="waiting">Opening the view…</p>;
  };
}
