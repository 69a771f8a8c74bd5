import { gpu } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import type { FamilyOffer } from '../../worker/benchmarks.ts';
import { chosen, offer, progress, shapes, start, stop, stopping } from './state.ts';

/** Kernels by their families, the models whose shapes they get, and the run. */
export function ChooseKernels() {
  const offered = offer.value;
  const running = progress.value !== undefined;
  const count = (offered?.families ?? [])
    .flatMap(({ kernels }) => kernels)
    .filter(({ name }) => chosen.value.has(name))
    .reduce((sum, { rows }) => sum + rows * shapes.value.size, 0);
  const all = (offered?.families ?? []).flatMap(({ kernels }) => kernels.map(({ name }) => name));
  return (
    <Card title="Measure" class="kernel-choice">
      <fieldset disabled={running || !offered} class="stack-tight">
        <legend class="field-legend">Shapes of</legend>
        {Object.entries(offered?.shapes ?? {}).map(([name, title]) => (
          <Check key={name} name={name} title={title} of={shapes} />
        ))}
      </fieldset>
      <fieldset disabled={running || !offered} class="stack-tight">
        <legend class="field-legend">Kernels</legend>
        <div class="row">
          <Button small kind="quiet" onClick={() => (chosen.value = new Set(all))}>
            All
          </Button>
          <Button small kind="quiet" onClick={() => (chosen.value = new Set())}>
            None
          </Button>
        </div>
        <div class="families">
          {offered
            ? offered.families.map((family) => <Family key={family.family} {...family} />)
            : 'Looking what there is…'}
        </div>
      </fieldset>
      <div class="row">
        {running ? (
          <Button onClick={() => void stop()} disabled={stopping.value}>
            {stopping.value ? 'Stopping after this row…' : 'Stop'}
          </Button>
        ) : (
          <Button kind="primary" disabled={count === 0 || gpu.value.state !== 'ready'} onClick={() => void start()}>
            Measure {count === 0 ? '' : `${count} rows`}
          </Button>
        )}
      </div>
    </Card>
  );
}

function Family({ family, kernels }: FamilyOffer) {
  const names = kernels.map(({ name }) => name);
  const some = names.some((name) => chosen.value.has(name));
  const every = names.every((name) => chosen.value.has(name));
  if (names.length === 1 && names[0] === family) return <Check name={family} title={family} of={chosen} mono />;
  const toggle = () => {
    const rest = [...chosen.value].filter((name) => !names.includes(name));
    chosen.value = new Set(every ? rest : [...rest, ...names]);
  };
  return (
    <div>
      <label class="check family">
        <input type="checkbox" checked={every} indeterminate={some && !every} onChange={toggle} />
        {family}
      </label>
      <div class="of-family">
        {names.map((name) => (
          <Check key={name} name={name} title={name} of={chosen} mono />
        ))}
      </div>
    </div>
  );
}

interface CheckProps {
  readonly name: string;
  readonly title: string;
  readonly of: { value: ReadonlySet<string> };
  readonly mono?: boolean;
}

function Check({ name, title, of, mono }: CheckProps) {
  const toggle = () => {
    const next = new Set(of.value);
    if (!next.delete(name)) next.add(name);
    of.value = next;
  };
  return (
    <label class="check">
      <input type="checkbox" name={name} checked={of.value.has(name)} onChange={toggle} />
      {mono ? <code>{title}</code> : title}
    </label>
  );
}
