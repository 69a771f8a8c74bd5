import { model } from '../../app/engine.ts';
import { Card } from '../../ui/card.tsx';
import { NumberField } from '../../ui/fields.tsx';
import { sampling } from './state.ts';

interface Field {
  readonly name: keyof typeof sampling.value;
  readonly label: string;
  readonly help: string;
  readonly min: number;
  readonly max?: number;
  readonly step: number | 'any';
  /** Means nothing where the likeliest token is taken. */
  readonly drawn?: boolean;
}

/** How tokens are drawn. */
export function SamplingCard() {
  const context = model.value?.maxPositions;
  const greedy = sampling.value.temperature === 0;
  const fields: readonly Field[] = [
    { name: 'temperature', label: 'Temperature', help: '0: the likeliest token', min: 0, max: 5, step: 'any' },
    { name: 'seed', label: 'Seed', help: 'the same for both', min: 0, max: 2 ** 32 - 1, step: 1, drawn: true },
    { name: 'topK', label: 'Top k', help: '0: all tokens', min: 0, step: 1, drawn: true },
    { name: 'topP', label: 'Top p', help: '1: all tokens', min: 0.01, max: 1, step: 'any', drawn: true },
    {
      name: 'maxNewTokens',
      label: 'Most tokens',
      help: context ? `the context holds ${context}` : '',
      min: 1,
      step: 1,
    },
  ];
  return (
    <Card title="Sampling" class="steer-sampling">
      <div>
        {fields.map(({ name, drawn, ...field }) => (
          <NumberField
            key={name}
            {...field}
            name={`steer-${name}`}
            value={sampling.value[name]}
            disabled={drawn === true && greedy}
            onChange={(value) => {
              sampling.value = { ...sampling.value, [name]: value };
            }}
          />
        ))}
      </div>
    </Card>
  );
}
