import { model } from '../../app/engine.ts';
import { sampling } from './state.ts';

type Sampling = typeof sampling.value;

const FIELDS: readonly {
  readonly name: keyof Sampling;
  readonly label: string;
  readonly note: string;
  readonly min: number;
  readonly max?: number;
  readonly step: number;
}[] = [
  { name: 'temperature', label: 'Temperature', note: '0 takes the likeliest', min: 0, max: 5, step: 0.1 },
  { name: 'seed', label: 'Seed', note: 'the same for both texts', min: 0, max: 4294967295, step: 1 },
  { name: 'maxNewTokens', label: 'Most tokens', note: '', min: 1, step: 1 },
  { name: 'topK', label: 'Top k', note: '0: all tokens', min: 0, step: 1 },
  { name: 'topP', label: 'Top p', note: '1: all tokens', min: 0.01, max: 1, step: 0.01 },
];

/** How tokens are drawn. */
export function SamplingCard() {
  const context = model.value?.maxPositions;
  return (
    <section class="card steer-sampling" aria-labelledby="sampling-name">
      <h2 id="sampling-name">Sampling</h2>
      {FIELDS.map(({ name, label, note, min, max, step }) => (
        <label key={name}>
          <span>
            {label}
            <small>{name === 'maxNewTokens' && context ? `the context holds ${context}` : note}</small>
          </span>
          <input
            type="number"
            name={`steer-${name}`}
            min={min}
            max={max}
            step={step}
            value={sampling.value[name]}
            disabled={sampling.value.temperature === 0 && (name === 'topK' || name === 'topP' || name === 'seed')}
            onChange={(event) => {
              const { valueAsNumber, validity } = event.currentTarget;
              if (validity.valid && Number.isFinite(valueAsNumber)) {
                sampling.value = { ...sampling.value, [name]: valueAsNumber };
              }
            }}
          />
        </label>
      ))}
    </section>
  );
}
