// The softmaxes of single pieces of PIECE keys, for `attention` to fold together: decoding has few rows and may have long
// prompts, so the keys of a row are shared out. A quad owns a block of slots (common/query_block.wgsl) and one piece: the
// pieces of a row are those of its prefix, then those of its own range, each counted from the range's start; what is left at
// the ends is in none. Rows of one prompt read its keys once for all of them.
// A partial is the head's sums of weighted values, then (top, total, 0, 0); a row has no partials beyond its last piece.

fn put(slot: Slot, p: Place, piece: u32, seen: bool, lane: u32) {
  if (!p.inside || !seen) { return; }
  let base = ((piece * params.n + p.row) * HEADS + p.head) * PARTIAL_VECS;
  store_partials(base, lane, slot.acc);
  if (lane == 0u) { partials[base + HEAD_VECS] = vec4f(slot.top, slot.total, 0.0, 0.0); }
}

/// First key of a row's piece; its end is PIECE further, or 0 where the row has no such piece.
fn piece_of(range: vec4u, piece: u32) -> vec2u {
  let prefix = (range.y - range.x) / PIECE;
  let own = (range.w - range.z) / PIECE;
  let first = select(range.x + piece * PIECE, range.z + (piece - prefix) * PIECE, piece >= prefix);
  return select(vec2u(), vec2u(first, first + PIECE), piece < prefix + own);
}

@compute @workgroup_size(4 * QUADS)
fn attention_pieces(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % 4u;
  let item = quad_item(workgroup.x + workgroup.y * workgroups.x, local, QUADS);
  let of_piece = (params.n + ROWS - 1u) / ROWS * KV_HEADS * BLOCKS;
  let piece = item / of_piece;
  if (piece >= params.pieces) { return; }
  let row0 = item % of_piece / (KV_HEADS * BLOCKS) * ROWS;
  let kv_head = item / BLOCKS % KV_HEADS;
  let block = item % BLOCKS;
  let k_base = params.k_offset + kv_head * HEAD_VECS;
  let v_base = params.v_offset + kv_head * HEAD_VECS;

  let ranges_of = block_ranges(row0);
  let a = piece_of(ranges_of.r0, piece);
  let b = piece_of(ranges_of.r1, piece);
  let c = piece_of(ranges_of.r2, piece);
  let d = piece_of(ranges_of.r3, piece);
  let firsts = vec4u(a.x, b.x, c.x, d.x);
  let ends = vec4u(a.y, b.y, c.y, d.y);
  let joint = all(firsts == firsts.xxxx) && all(ends == ends.xxxx);

  var s0: Slot; var s1: Slot; var s2: Slot; var s3: Slot;
  var s4: Slot; var s5: Slot; var s6: Slot; var s7: Slot;
  s0 = start(place(0u, row0, kv_head, block), lane);
  if (SLOTS > 1u) { s1 = start(place(1u, row0, kv_head, block), lane); }
  if (SLOTS > 2u) { s2 = start(place(2u, row0, kv_head, block), lane); }
  if (SLOTS > 3u) { s3 = start(place(3u, row0, kv_head, block), lane); }
  if (SLOTS > 4u) { s4 = start(place(4u, row0, kv_head, block), lane); }
  if (SLOTS > 5u) { s5 = start(place(5u, row0, kv_head, block), lane); }
  if (SLOTS > 6u) { s6 = start(place(6u, row0, kv_head, block), lane); }
  if (SLOTS > 7u) { s7 = start(place(7u, row0, kv_head, block), lane); }

  let passes = select(ROWS, 1u, joint);
  for (var pass_index = 0u; pass_index < passes; pass_index++) {
    let taking = (vec4u(pass_index) == vec4u(0u, 1u, 2u, 3u)) | vec4<bool>(joint);
    let taken = select(vec4u(), ends, taking);
    let last = firsts[pass_index] + select(0u, PIECE, ends[pass_index] > 0u);
    for (var first = firsts[pass_index]; first < last; first += 4u) {
      let bases = (vec4u(first) + (vec4u(lane) ^ vec4u(0u, 1u, 2u, 3u))) * params.kv_stride;
      let keys = load_chunk(bases, k_base, lane);
      let values = load_chunk(bases, v_base, lane);
      attend(&s0, score(s0, keys, lane), first < taken[0], values, lane);
      if (SLOTS > 1u) { attend(&s1, score(s1, keys, lane), first < taken[1u / TILE], values, lane); }
      if (SLOTS > 2u) { attend(&s2, score(s2, keys, lane), first < taken[2u / TILE], values, lane); }
      if (SLOTS > 3u) { attend(&s3, score(s3, keys, lane), first < taken[3u / TILE], values, lane); }
      if (SLOTS > 4u) { attend(&s4, score(s4, keys, lane), first < taken[min(4u / TILE, 3u)], values, lane); }
      if (SLOTS > 5u) { attend(&s5, score(s5, keys, lane), first < taken[min(5u / TILE, 3u)], values, lane); }
      if (SLOTS > 6u) { attend(&s6, score(s6, keys, lane), first < taken[min(6u / TILE, 3u)], values, lane); }
      if (SLOTS > 7u) { attend(&s7, score(s7, keys, lane), first < taken[min(7u / TILE, 3u)], values, lane); }
    }
  }

  put(s0, place(0u, row0, kv_head, block), piece, ends[0] > 0u, lane);
  if (SLOTS > 1u) { put(s1, place(1u, row0, kv_head, block), piece, ends[1u / TILE] > 0u, lane); }
  if (SLOTS > 2u) { put(s2, place(2u, row0, kv_head, block), piece, ends[2u / TILE] > 0u, lane); }
  if (SLOTS > 3u) { put(s3, place(3u, row0, kv_head, block), piece, ends[3u / TILE] > 0u, lane); }
  if (SLOTS > 4u) { put(s4, place(4u, row0, kv_head, block), piece, ends[min(4u / TILE, 3u)] > 0u, lane); }
  if (SLOTS > 5u) { put(s5, place(5u, row0, kv_head, block), piece, ends[min(5u / TILE, 3u)] > 0u, lane); }
  if (SLOTS > 6u) { put(s6, place(6u, row0, kv_head, block), piece, ends[min(6u / TILE, 3u)] > 0u, lane); }
  if (SLOTS > 7u) { put(s7, place(7u, row0, kv_head, block), piece, ends[min(7u / TILE, 3u)] > 0u, lane); }
}
