import { useEffect, useRef } from 'preact/hooks';
import { lazily } from '../ui/lazily.tsx';
import { nextTheme, theme } from '../ui/theme.ts';
import { TrainView } from '../views/train/train_view.tsx';
import { takeDroppedModels } from './drop.ts';
import { gpu, model, modelLoading, startEngine } from './engine.ts';
import { Notices } from './notices.tsx';
import { ROUTES, type Route, route } from './routes.ts';

const SteerView = lazily(async () => (await import('../views/steer/steer_view.tsx')).SteerView);
const InsideView = lazily(async () => (await import('../views/inside/inside_view.tsx')).InsideView);
const KernelsView = lazily(async () => (await import('../views/kernels/kernels_view.tsx')).KernelsView);
const ModelsView = lazily(async () => (await import('../views/models/models_view.tsx')).ModelsView);

const VIEWS = { train: TrainView, steer: SteerView, inside: InsideView, kernels: KernelsView, models: ModelsView };

export function App() {
  useEffect(() => {
    void startEngine();
    return takeDroppedModels();
  }, []);
  const View = VIEWS[route.value];
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Masthead />
      <Notices />
      <main id="main" tabIndex={-1}>
        <View />
      </main>
    </>
  );
}

function Masthead() {
  const nav = useRef<HTMLElement>(null);
  const now = route.value;
  // Where the row is longer than the screen, the view that is open is seen in it.
  useEffect(() => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' }), [now]);
  return (
    <header class="masthead">
      <svg viewBox="0 0 26 26" aria-hidden="true">
        <rect x="3" y="2" width="11" height="22" rx="3" fill="var(--ink)" />
        <path d="M16.4 12.5 24 15.6 22 23.4 16.4 22Z" fill="var(--after)" />
      </svg>
      <b>trimtab</b>
      <nav ref={nav} aria-label="Views">
        {Object.entries(ROUTES).map(([name, title]) => (
          <a key={name} href={`#/${name}`} aria-current={now === (name as Route) ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <a id="adapter" href="#/models" data-state={gpu.value.state}>
        {adapterText()}
      </a>
      <button type="button" class="quiet" onClick={nextTheme} aria-label={`Colours: ${theme.value}; change`}>
        {{ auto: '◐', light: '☀', dark: '☾' }[theme.value]}
      </button>
    </header>
  );
}

function adapterText(): string {
  const now = gpu.value;
  if (now.state !== 'ready') {
    return { waiting: 'Looking for a GPU…', failed: 'No GPU to work with', lost: 'The GPU went away' }[now.state];
  }
  const what = modelLoading.value ? `loading ${modelLoading.value}…` : (model.value?.name ?? 'no model');
  return `${now.info.adapter}${now.info.isSoftware ? ' (software)' : ''} · ${what}`;
}
