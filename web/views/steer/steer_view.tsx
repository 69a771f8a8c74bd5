import './steer.css';
import './texts.css';
import { useEffect } from 'preact/hooks';
import { Layers } from './layers.tsx';
import { Legend } from './legend.tsx';
import { lookAt } from './look.ts';
import { PromptCard } from './prompt_card.tsx';
import { run, stop } from './run.ts';
import { SamplingCard } from './sampling.tsx';
import { running, spoken } from './state.ts';
import { Strength } from './strength.tsx';
import { TextColumn } from './text_column.tsx';
import { TokenCard } from './token_card.tsx';
import { VectorsCard } from './vectors_card.tsx';
import { openVectors } from './vectors_file.ts';

export function SteerView() {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void run();
    } else if (event.key === 'Escape') {
      lookAt(undefined);
      stop();
    }
  };
  useEffect(() => {
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);

  const onDrop = (event: DragEvent) => {
    const [file, ...more] = event.dataTransfer?.files ?? [];
    // Models are the page's: one file of vectors is this view's.
    if (!file || more.length > 0 || !/\.safetensors$/i.test(file.name)) return;
    event.preventDefault();
    event.stopPropagation();
    void openVectors(file);
  };

  return (
    <section class="steer" aria-labelledby="steer-title" onDragOver={(event) => event.preventDefault()} onDrop={onDrop}>
      <header class="steer-head">
        <h1 id="steer-title">One prompt, without and with the vectors</h1>
        <p class="lede">
          Both texts come from the same frozen weights and the same random numbers. The only difference is one vector
          added after each layer.
        </p>
      </header>
      <div class="steer-main">
        <PromptCard />
        <Strength />
        <div class="steer-columns" aria-busy={running.value !== undefined}>
          <TextColumn column="base" />
          <TextColumn column="steered" />
        </div>
        <Legend />
        <p class="unseen" role="status">
          {spoken}
        </p>
      </div>
      <aside class="steer-side" aria-label="Vectors and sampling">
        <VectorsCard />
        <Layers />
        <SamplingCard />
      </aside>
      <TokenCard />
    </section>
  );
}
