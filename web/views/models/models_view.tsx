import './models.css';
import { DEMO, gpu, loadModel, modelLoading, source } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Cached } from './cached.tsx';
import { FromComputer } from './from_computer.tsx';
import { FromHub } from './from_hub.tsx';
import { GpuCard } from './gpu_card.tsx';
import { LoadedModel } from './loaded_model.tsx';

/** Which model is on the GPU, where others come from, and what of them this browser keeps. */
export function ModelsView() {
  const busy = modelLoading.value !== undefined || gpu.value.state !== 'ready';
  return (
    <section class="models" aria-labelledby="models-title">
      <header class="models-head">
        <h1 id="models-title">The model to work with</h1>
        <p class="lede">
          Weights are read by this tab and go to your GPU; they are never changed. Qwen2, Qwen3, Llama and Mistral
          models in Hugging Face's format, and GGUF files.
        </p>
      </header>
      <div class="stack">
        <LoadedModel />
        <div class="models-sources">
          <Card
            title="Demonstration"
            sub="1.2 million weights, part of this page: small enough to be trained in a minute, and it solves word problems."
          >
            <div>
              <Button disabled={busy} onClick={() => void loadModel(DEMO)}>
                {source.value === DEMO ? 'Load again' : 'Load'}
              </Button>
            </div>
          </Card>
          <FromComputer busy={busy} />
        </div>
        <FromHub />
        <Cached />
      </div>
      <aside class="stack" aria-label="The GPU">
        <GpuCard />
      </aside>
    </section>
  );
}
