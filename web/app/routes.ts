import { computed, signal } from '@preact/signals';

/** The views, in the order of the navigation: the part after `#/`, and the name that people read. */
export const ROUTES = {
  train: 'Train',
  steer: 'Steer',
  inside: 'Look inside',
  kernels: 'Kernels',
  models: 'Models',
} as const;

export type Route = keyof typeof ROUTES;

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

/** The view that the address names; a hash, so that any host of static files serves every view. */
export const route = computed<Route>(() => {
  const name = hash.value.replace(/^#\//, '').replace(/\?.*$/, '');
  return Object.hasOwn(ROUTES, name) ? (name as Route) : 'train';
});

export function go(to: Route): void {
  location.hash = `#/${to}`;
}
