import { signal } from '@preact/signals';

/** What puts the new version in the place of this one and loads the page again, when there is one. */
export const update = signal<(() => void) | undefined>(undefined);

/** Lets the built app work without a connection from its second visit on, and tells when a new version has come. */
export async function keepForOffline(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  const { serviceWorker } = navigator;
  // A private window, or a host that does not have the script: the app works all the same.
  const registration = await serviceWorker.register('service_worker.js').catch(() => undefined);
  if (!registration) return;
  const offer = (worker: ServiceWorker | null) => {
    // The first one of all replaces nothing.
    if (worker?.state !== 'installed' || !serviceWorker.controller) return;
    update.value = () => {
      serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
      worker.postMessage('activate');
    };
  };
  offer(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker?.addEventListener('statechange', () => offer(worker));
  });
}
