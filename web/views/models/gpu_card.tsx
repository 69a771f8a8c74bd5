import { useState } from 'preact/hooks';
import { formatBytes, parseBytes } from '../../../src/gpu/bytes.ts';
import { gpu, memoryBudget, setMemoryBudget } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Field } from '../../ui/fields.tsx';
import type { AdapterInfo } from '../../worker/session.ts';

export function GpuCard() {
  const now = gpu.value;
  if (now.state !== 'ready') {
    return (
      <Card title="The GPU" sub={now.state === 'waiting' ? 'Looking for one…' : 'None to work with: see above.'}>
        <Budget />
      </Card>
    );
  }
  const { adapter, isSoftware } = now.info;
  return (
    <Card
      title="The GPU"
      sub={
        isSoftware
          ? `${adapter}, computed by the processor: slow, but it works. With hardware acceleration the browser may have a faster one.`
          : adapter
      }
    >
      <Limits info={now.info} />
      <Budget />
    </Card>
  );
}

function Limits({ info: { features, limits } }: { info: AdapterInfo }) {
  const facts = Object.entries(limits).map(([name, value]) => {
    const inBytes = /Size$|Storage/.test(name) && value >= 1024;
    return [name, inBytes ? formatBytes(value) : value.toLocaleString('en')] as const;
  });
  return (
    <details>
      <summary>Limits and features</summary>
      <dl class="facts models-facts models-limits">
        {[...facts, ['Features', features.join(', ') || 'none'] as const].map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** WebGPU does not tell how much memory is free: who knows it may say so, and work is planned and refused by it. */
function Budget() {
  const kept = memoryBudget.value;
  const [text, setText] = useState(kept === undefined ? '' : formatBytes(kept));
  const bytes = text.trim() === '' ? undefined : parseBytes(text.trim());
  const wrong = text.trim() !== '' && bytes === undefined;
  return (
    <form
      class="models-budget"
      onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) void setMemoryBudget(bytes);
      }}
    >
      <Field
        label="Memory budget"
        problem={wrong ? 'A size such as 2 GiB or 500 MiB, or nothing for no limit.' : undefined}
        help="Browsers do not say how much GPU memory is free. With a budget, training plans with it, and what does not fit is refused before it starts."
      >
        <input
          name="memoryBudget"
          type="text"
          placeholder="no limit, or a size such as 2 GiB"
          autocomplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </Field>
      <Button type="submit" small disabled={wrong || bytes === kept}>
        {bytes !== undefined && bytes === kept ? 'In force' : 'Set'}
      </Button>
    </form>
  );
}
