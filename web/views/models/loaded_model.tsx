import { formatBytes } from '../../../src/gpu/bytes.ts';
import { DEMO, loadModel, model, modelLoading, unloadModel } from '../../app/engine.ts';

export function LoadedModel() {
  const info = model.value;
  if (modelLoading.value !== undefined) {
    return (
      <article class="card" aria-busy="true">
        <h2>On the GPU</h2>
        <p class="sub" role="status">
          Loading {modelLoading.value}…
        </p>
        <progress aria-label={`Loading ${modelLoading.value}`} />
      </article>
    );
  }
  if (!info) {
    return (
      <article class="card">
        <h2>On the GPU</h2>
        <p class="sub">No model. Choose one below, or go back to the one that this page brings.</p>
        <button type="button" class="primary" onClick={() => void loadModel(DEMO)}>
          Load the demonstration model
        </button>
      </article>
    );
  }
  const facts: [string, string][] = [
    ['Layers', `${info.layers}, each gets one vector of ${info.hiddenSize} numbers`],
    ['Heads', `${info.heads} a layer`],
    ['Vocabulary', `${info.vocabSize.toLocaleString('en')} tokens`],
    ['Context', `${info.maxPositions.toLocaleString('en')} tokens`],
    ['Chat template', info.hasChatTemplate ? 'yes' : 'none: it completes text'],
    ['Weights on the GPU', formatBytes(info.bytes)],
  ];
  return (
    <article class="card">
      <div class="models-title">
        <h2>{info.name}</h2>
        <button type="button" class="small" onClick={() => void unloadModel()}>
          Unload
        </button>
      </div>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <>
            <dt key={`${name} name`}>{name}</dt>
            <dd key={name}>{value}</dd>
          </>
        ))}
      </dl>
    </article>
  );
}
