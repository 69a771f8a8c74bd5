import { useState } from 'preact/hooks';
import { formatBytes, parseBytes } from '../../../src/gpu/bytes.ts';
import { gpu, memoryBudget, startEngine } from '../../app/engine.ts';
import type { AdapterInfo } from '../../worker/session.ts';

export function GpuCard() {
  const now = gpu.value;
  return (
    <article class="card">
      <h2>The GPU</h2>
      {now.state === 'ready' ? <Adapter info={now.info} /> : <p class="sub">None to work with.</p>}
      <Budget />
    </article>
  );
}

function Adapter({ info }: { info: AdapterInfo }) {
  const { adapter, isSoftware, features, limits } = info;
  return (
    <>
      <p class="sub">
        {adapter}
        {isSoftware &&
          ', computed by the processor: slow, but it works. With hardware acceleration the browser may have a faster one.'}
      </p>
      <details>
        <summary>Limits and features</summary>
        <dl class="facts models-limits">
          {Object.entries(limits).map(([name, value]) => (
            <>
              <dt key={`${name} name`}>{name}</dt>
              <dd key={name}>
                {/Size$/.test(name) && value >= 1024 ? formatBytes(value) : value.toLocaleString('en')}
              </dd>
            </>
          ))}
          <dt>features</dt>
          <dd>{features.join(', ')}</dd>
        </dl>
      </details>
    </>
  );
}

/** WebGPU does not tell how much memory is free: who knows it may say so, and work is planned and refused by it. */
function Budget() {
  const kept = memoryBudget.value;
  const [text, setText] = useState(kept === undefined ? '' : formatBytes(kept));
  const bytes = text.trim() === '' ? undefined : parseBytes(text.trim());
  const wrong = text.trim() !== '' && bytes === undefined;
  const apply = (event: Event) => {
    event.preventDefault();
    if (wrong) return;
    memoryBudget.value = bytes;
    void startEngine();
  };
  return (
    <form class="models-budget" onSubmit={apply}>
      <label class="field">
        Memory budget
        <input
          name="memoryBudget"
          type="text"
          placeholder="no limit"
          autocomplete="off"
          aria-invalid={wrong}
          aria-describedby="budget-help"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <small id="budget-help">
          {wrong
            ? 'A size such as 2GiB or 500MB, or nothing for no limit.'
            : 'Browsers do not say how much GPU memory is free. With a budget, training plans with it, and what does not fit is refused before it starts.'}
        </small>
      </label>
      <button type="submit" class="small" disabled={wrong || bytes === kept}>
        Apply and start the GPU again
      </button>
    </form>
  );
}
