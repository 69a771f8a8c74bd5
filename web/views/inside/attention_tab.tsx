import { useMemo } from 'preact/hooks';
import { model } from '../../app/engine.ts';
import { Card } from '../../ui/card.tsx';
import { Slider } from '../../ui/fields.tsx';
import { Heatmap } from '../../ui/heatmap.tsx';
import type { ColourRange } from '../../ui/heatmap_paint.ts';
import { inline } from '../../ui/token_text.ts';
import { ATTENTION_TOKENS, type AttentionReading } from '../../worker/inspection_types.ts';
import { headMap, largestChange } from './attention_values.ts';
import { HeadThumbnails } from './head_thumbnails.tsx';
import { PromptForm } from './prompt_form.tsx';
import { SideChoice } from './side_choice.tsx';
import { attention, head, layer, readAttention, side } from './state.ts';

/** Which tokens each token looks at, in one layer. */
export function AttentionTab() {
  const found = attention.value;
  return (
    <>
      <Card
        title="Which tokens does each token look at?"
        sub="The attention of one layer: every row is a token that reads, every column one that it may read, itself and those before it. A row adds up to 100 %."
      >
        <PromptForm what="attention" most={ATTENTION_TOKENS} onRead={() => void readAttention()} />
      </Card>
      {found && <AttentionMaps base={found.base} {...(found.steered && { steered: found.steered })} />}
    </>
  );
}

interface Sides {
  readonly base: AttentionReading;
  readonly steered?: AttentionReading;
}

function AttentionMaps({ base, steered }: Sides) {
  const shown = steered ? side.value : 'base';
  const { tokens, heads } = base;
  const t = tokens.length;
  const names = useMemo(() => tokens.map(({ text }) => inline(text)), [tokens]);
  /** Of a head, or the mean of all. */
  const valuesOf = useMemo(() => {
    const of = (reading: AttentionReading, which?: number) => headMap(reading.weights, heads, t, which);
    if (shown === 'base' || !steered) return (which?: number) => of(base, which);
    if (shown === 'steered') return (which?: number) => of(steered, which);
    return (which?: number) => {
      const without = of(base, which);
      return of(steered, which).map((weight, i) => weight - (without[i] as number));
    };
  }, [base, steered, shown]);
  const range = useMemo((): ColourRange => {
    // The root shows what is small: most weights are, beside the one that goes to the first token.
    if (shown !== 'difference' || !steered) return { kind: 'sequential', most: 1, power: 0.5 };
    return { kind: 'diverging', most: largestChange(base.weights, steered.weights), power: 0.5 };
  }, [base, steered, shown]);
  const chosen = head.value !== undefined && head.value < heads ? head.value : undefined;
  const values = useMemo(() => valuesOf(chosen), [valuesOf, chosen]);
  const format = shown === 'difference' ? points : percent;
  const where = `layer ${base.layer}, ${chosen === undefined ? `mean of ${heads} heads` : `head ${chosen}`}`;
  const last = (model.value?.layers ?? 1) - 1;
  return (
    <Card
      title={`Attention, ${where}`}
      sub={steered ? 'With vectors the same layer is read twice: without them and with them.' : undefined}
      actions={steered && <SideChoice />}
    >
      <div class="inside-layer">
        <Slider
          label="Layer"
          value={layer.value}
          min={0}
          max={last}
          onChange={(value) => {
            layer.value = value;
            void readAttention(true);
          }}
        />
      </div>
      <HeadThumbnails
        heads={heads}
        valuesOf={valuesOf}
        tokens={t}
        range={range}
        chosen={chosen}
        onChoose={(value) => {
          head.value = value;
        }}
      />
      <Heatmap
        title={`Attention weights, ${where}`}
        rows={names}
        columns={names}
        rowsAre="From"
        columnsAre="to"
        values={values}
        range={range}
        unit={shown === 'difference' ? 'change, points' : 'weight'}
        format={format}
        width={[0.25, 21]}
        describe={(row, column) =>
          column > row
            ? `${names[row]} does not see ${names[column]}, which comes after it.`
            : `Token ${row} ${names[row]} → token ${column} ${names[column]}: ${format(values[row * t + column] as number)}`
        }
      />
    </Card>
  );
}

function percent(weight: number): string {
  return `${(100 * weight).toFixed(1)} %`;
}

/** `+12.3`, `−0.4`: points of a percent. */
function points(change: number): string {
  return change === 0 ? '0' : `${change < 0 ? '−' : '+'}${Math.abs(100 * change).toPrecision(2)}`;
}
