import { useLayoutEffect, useRef } from 'preact/hooks';
import { type ColourRange, paint } from '../../ui/heatmap_paint.ts';
import { useDark } from '../../ui/use_dark.ts';

interface ThumbnailsProps {
  readonly mean: Float32Array;
  readonly heads: readonly Float32Array[];
  readonly tokens: number;
  readonly range: ColourRange;
  readonly chosen: number | undefined;
  readonly onChoose: (head: number | undefined) => void;
}

const SIDE_PX = 68;

/** All heads of a layer side by side, and their mean: each is a button that shows it large. */
export function HeadThumbnails({ mean, heads, tokens, range, chosen, onChoose }: ThumbnailsProps) {
  return (
    <fieldset class="inside-heads">
      <legend class="unseen">Head</legend>
      {[mean, ...heads].map((values, i) => {
        const head = i === 0 ? undefined : i - 1;
        return (
          <button key={head ?? 'mean'} type="button" aria-pressed={head === chosen} onClick={() => onChoose(head)}>
            <Thumbnail values={values} tokens={tokens} range={range} />
            <span>{head === undefined ? 'mean' : `head ${head}`}</span>
          </button>
        );
      })}
    </fieldset>
  );
}

function Thumbnail({ values, tokens, range }: { values: Float32Array; tokens: number; range: ColourRange }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = useDark();
  useLayoutEffect(() => {
    const frame = requestAnimationFrame(() => {
      const cells = { values, rows: tokens, columns: tokens, range };
      if (canvas.current) paint(canvas.current, cells, { width: SIDE_PX, height: SIDE_PX, dark });
    });
    return () => cancelAnimationFrame(frame);
  }, [values, tokens, range, dark]);
  return <canvas ref={canvas} style={{ width: `${SIDE_PX}px`, height: `${SIDE_PX}px` }} />;
}
