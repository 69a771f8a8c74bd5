import { gpu } from '../../app/engine.ts';
import { Card } from '../../ui/card.tsx';

/** What a figure depends on besides the code. */
export function Adapter() {
  const now = gpu.value;
  if (now.state !== 'ready') return null;
  const { adapter, isSoftware, features, limits } = now.info;
  return (
    <Card title="Adapter" sub={`${adapter}${isSoftware ? ', computed by the processor' : ''}`}>
      <details>
        <summary>Features ({features.length})</summary>
        <ul class="adapter-features">
          {features.map((name) => (
            <li key={name}>
              <code>{name}</code>
            </li>
          ))}
        </ul>
      </details>
      <details>
        <summary>Limits ({Object.keys(limits).length})</summary>
        <dl class="adapter-limits">
          {Object.entries(limits).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value.toLocaleString('en')}</dd>
            </div>
          ))}
        </dl>
      </details>
    </Card>
  );
}
