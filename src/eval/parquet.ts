// Its parts, without what they serve otherwise: filters of rows with their indexes and hashes are a third of the package.
import { parquetMetadataAsync, parquetSchema } from 'hyparquet/src/metadata.js';
import { parquetPlanGroup } from 'hyparquet/src/plan.js';
import { assembleAsync, asyncGroupToRows, readRowGroup } from 'hyparquet/src/rowgroup.js';
import { compressors } from 'hyparquet-compressors';
import type { RandomAccess } from '../gpu/platform.ts';

/** All rows of a Parquet file by their columns, a group of them at a time. @throws for what is no Parquet */
export async function parquetObjects(source: RandomAccess): Promise<Record<string, unknown>[]> {
  const slice = async (start: number, end = source.size): Promise<ArrayBuffer> => {
    const bytes = await source.read(start < 0 ? source.size + start : start, end - start);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  };
  const file = { byteLength: source.size, slice };
  const metadata = await parquetMetadataAsync(file);
  const schema = parquetSchema(metadata);
  const all: Record<string, unknown>[] = [];
  for (const rowGroup of metadata.row_groups) {
    const groupRows = Number(rowGroup.num_rows);
    const plan = parquetPlanGroup({ rowGroup, groupStart: all.length, groupRows, ranges: [[0, groupRows]] });
    for (const group of plan.groups) {
      const columns = readRowGroup({ file, metadata, compressors }, { ...plan, metadata, rowStart: 0 }, group);
      // A column that fails must not leave another's failure unheard.
      await Promise.allSettled(columns.asyncColumns.map(({ data }) => data));
      const rows = await asyncGroupToRows(assembleAsync(columns, schema), 0, groupRows, undefined, 'object');
      for (const row of rows) all.push(row);
    }
  }
  return all;
}
