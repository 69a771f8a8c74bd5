// What a quad of lanes owns in attention: ROWS (at most 4) neighbouring query rows times TILE query heads of one kv
// head, so that every key and value that it loads serves all of them. A slot is one (row, head) of the quad.
//
// The quad walks its keys in passes, prefixes first. Where all rows have the same prefix it is one pass for all of
// them, otherwise one pass a row; the same for their own ranges, which may end differently but must start together. So
// every row sees its prefix, then its own keys, in ascending order, and counts them from the start of each range. Needs
// HEADS, KV_HEADS, ROWS, TILE, `ranges` and `params.n`.

const GROUP = HEADS / KV_HEADS;
const BLOCKS = (GROUP + TILE - 1u) / TILE;
const SLOTS = ROWS * TILE;
const LOG2_E = 1.4426950408889634f;

/// Row and head of a slot. Beyond the edges that is the last one again, computed but not stored.
struct Place { row: u32, head: u32, inside: bool }

fn place(slot: u32, row0: u32, kv_head: u32, block: u32) -> Place {
  let row = row0 + slot / TILE;
  let head = block * TILE + slot % TILE;
  return Place(min(row, params.n - 1u), kv_head * GROUP + min(head, GROUP - 1u), row < params.n && head < GROUP);
}

struct RowRanges { r0: vec4u, r1: vec4u, r2: vec4u, r3: vec4u, prefix_passes: u32, own_passes: u32 }

/// Keys `first` to `last` are visited; row r attends those below `ends[r]`, none if that is 0.
struct Span { first: u32, last: u32, ends: vec4u }

/// Rows beyond the last one repeat it.
fn block_ranges(row0: u32) -> RowRanges {
  var b: RowRanges;
  b.r0 = ranges[row0];
  b.r1 = b.r0; b.r2 = b.r0; b.r3 = b.r0;
  let last = params.n - 1u;
  if (ROWS > 1u) { b.r1 = ranges[min(row0 + 1u, last)]; }
  if (ROWS > 2u) { b.r2 = ranges[min(row0 + 2u, last)]; }
  if (ROWS > 3u) { b.r3 = ranges[min(row0 + 3u, last)]; }
  let same = (b.r0.xyz == b.r1.xyz) & (b.r0.xyz == b.r2.xyz) & (b.r0.xyz == b.r3.xyz);
  b.prefix_passes = select(ROWS, 1u, same.x && same.y);
  b.own_passes = select(ROWS, 1u, same.z);
  return b;
}

fn pass_count(b: RowRanges) -> u32 {
  return b.prefix_passes + b.own_passes;
}

fn pass_span(b: RowRanges, index: u32) -> Span {
  let own = index >= b.prefix_passes;
  let row = select(index, index - b.prefix_passes, own);
  let joint = select(b.prefix_passes, b.own_passes, own) == 1u;
  let firsts = select(vec4u(b.r0.x, b.r1.x, b.r2.x, b.r3.x), vec4u(b.r0.z, b.r1.z, b.r2.z, b.r3.z), own);
  let lasts = select(vec4u(b.r0.y, b.r1.y, b.r2.y, b.r3.y), vec4u(b.r0.w, b.r1.w, b.r2.w, b.r3.w), own);
  let taking = (vec4u(row) == vec4u(0u, 1u, 2u, 3u)) | vec4<bool>(joint);
  let ends = select(vec4u(), lasts, taking);
  let starts = select(vec4u(), firsts, taking);
  let first = max(max(starts.x, starts.y), max(starts.z, starts.w));
  return Span(first, max(max(ends.x, ends.y), max(ends.z, ends.w)), ends);
}
