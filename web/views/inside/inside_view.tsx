import './inside.css';
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { lazily } from '../../ui/lazily.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { AttentionTab } from './attention_tab.tsx';
import { PromptTab } from './prompt_tab.tsx';
import { refreshVectors, stamp } from './state.ts';
import { VectorsTab } from './vectors_tab.tsx';

const SpaceView = lazily(async () => (await import('./space_view.tsx')).SpaceView);

const TABS = { vectors: 'Vectors', prompt: 'Prompt', attention: 'Attention', space: 'Path in 3D' } as const;
const PANELS = { vectors: VectorsTab, prompt: PromptTab, attention: AttentionTab, space: SpaceView };

/** What was chosen; a page without vectors begins with what needs none. */
const chosen = signal<keyof typeof TABS>();

/** Vectors that train change: so often the page asks for them, and for no more than a tenth of the time. */
const REFRESH_MS = 2000;
const REST = 9;

export function InsideView() {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const ask = async () => {
      const from = performance.now();
      await refreshVectors();
      if (!gone) timer = setTimeout(ask, Math.max(REFRESH_MS, REST * (performance.now() - from)));
    };
    void ask();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);
  const tab = chosen.value ?? (stamp.value ? 'vectors' : 'prompt');
  const Panel = PANELS[tab];
  return (
    <div class="inside">
      <header>
        <h1>Look inside</h1>
        <p class="lede">
          What the vectors say, what each layer would say next, and which tokens look at which: read from the model on
          this GPU, without the vectors and with them.
        </p>
      </header>
      <Tabs
        label="What to look at"
        value={tab}
        options={TABS}
        onChange={(value) => {
          chosen.value = value;
        }}
      >
        <div class="stack">
          <Panel />
        </div>
      </Tabs>
    </div>
  );
}
