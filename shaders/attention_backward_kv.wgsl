// dk and dv of attention (FlashAttention, Dao et al. 2022, algorithm 4):
//   p = exp(scale * q·k - lse), ds = p * (dout·v - delta), dv = Σ_queries p * dout, dk = scale * Σ_queries ds * q,
// summed over the query heads that share the kv head.
//
// A quad of lanes owns KEYS (at most 8) neighbouring key rows of one kv head, each lane a quarter of the head
// dimension, and visits every query from the first to the last that attends any of them, ascending, and its heads: no
// atomics, one order of summation. `key_queries[j]` = (first, end) such that exactly the query rows first <= i < end
// attend key row j. Loads bound it, and, on a CPU, what the sums cost to carry from one iteration to the next: so an
// iteration takes STEP queries, 4 where a lane can hold them and 1 where heads are large.

const GROUP = HEADS / KV_HEADS;
const ROW_VECS = (HEADS + 2u * KV_HEADS) * HEAD_VECS;
const LOG2_E = 1.4426950408889634f;

struct Slot { key: Slice, value: Slice, dk: Slice, dv: Slice }

/// First and end of the queries that attend a key row; a row beyond the last one has none.
fn queries_of(row: u32) -> vec2u {
  let queries = key_queries[min(row, params.n - 1u)];
  return select(queries.xx, queries, row < params.n);
}

fn start(row: u32, kv_head: u32, lane: u32) -> Slot {
  let at = min(row, params.n - 1u);
  let k_base = at * ROW_VECS + (HEADS + kv_head) * HEAD_VECS;
  var slot: Slot;
  slot.key = load_qkv(k_base, lane);
  slot.value = load_qkv(k_base + KV_HEADS * HEAD_VECS, lane);
  return slot;
}

struct Query { q: Slice, dout: Slice }

fn load_query(row: u32, head: u32, lane: u32) -> Query {
  return Query(
    load_qkv(row * ROW_VECS + head * HEAD_VECS, lane),
    load_dout((row * HEADS + head) * HEAD_VECS, lane),
  );
}

fn attended(slot: ptr<function, Slot>, by: Query, row: u32, lse: f32, delta: f32, range: vec2u, lane: u32) {
  let seen = row >= range.x && row < range.y;
  let score = quad_sum(slice_dot(by.q, (*slot).key), lane) * (params.scale * LOG2_E);
  let dweight = quad_sum(slice_dot(by.dout, (*slot).value), lane);
  let weight = exp2(select(-1000.0, score - lse, seen));
  slice_add(&(*slot).dv, weight, by.dout);
  slice_add(&(*slot).dk, weight * (dweight - delta), by.q);
}

/// Four queries of one head: a lane holds its quarter of the head of all four, ofj being that of query `lane ^ j`, and
/// weighs the first of them, `row`.
struct Queries { of0: Query, of1: Query, of2: Query, of3: Query, row: u32, lse: f32, delta: f32 }

fn attended4(slot: ptr<function, Slot>, by: Queries, range: vec2u, lane: u32) {
  let key = (*slot).key;
  let value = (*slot).value;
  let scores =
    vec4f(slice_dot(by.of0.q, key), slice_dot(by.of1.q, key), slice_dot(by.of2.q, key), slice_dot(by.of3.q, key));
  let dweights = vec4f(
    slice_dot(by.of0.dout, value),
    slice_dot(by.of1.dout, value),
    slice_dot(by.of2.dout, value),
    slice_dot(by.of3.dout, value),
  );
  let seen = by.row >= range.x && by.row < range.y;
  let score = quad_turned_sum(scores, lane) * (params.scale * LOG2_E);
  let weight = exp2(select(-1000.0, score - by.lse, seen));
  let dscore = weight * (quad_turned_sum(dweights, lane) - by.delta);
  slice_add4(&(*slot).dv, quad_turn(weight, lane), by.of0.dout, by.of1.dout, by.of2.dout, by.of3.dout);
  slice_add4(&(*slot).dk, quad_turn(dscore, lane), by.of0.q, by.of1.q, by.of2.q, by.of3.q);
}

fn finish(slot: Slot, row: u32, kv_head: u32, lane: u32) {
  if (row >= params.n) { return; }
  let base = row * ROW_VECS + (HEADS + kv_head) * HEAD_VECS;
  store_dqkv(base, lane, slice_scaled(slot.dk, params.scale));
  store_dqkv(base + KV_HEADS * HEAD_VECS, lane, slot.dv);
}

@compute @workgroup_size(4 * QUADS)
fn attention_backward_kv(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % 4u;
  let item = quad_item(workgroup.x + workgroup.y * workgroups.x, local, QUADS);
  let row0 = item / KV_HEADS * KEYS;
  if (row0 >= params.n) { return; }
  let kv_head = item % KV_HEADS;

  var s0: Slot; var s1: Slot; var s2: Slot; var s3: Slot;
  var s4: Slot; var s5: Slot; var s6: Slot; var s7: Slot;
  s0 = start(row0, kv_head, lane);
  if (KEYS > 1u) { s1 = start(row0 + 1u, kv_head, lane); }
  if (KEYS > 2u) { s2 = start(row0 + 2u, kv_head, lane); }
  if (KEYS > 3u) { s3 = start(row0 + 3u, kv_head, lane); }
  if (KEYS > 4u) { s4 = start(row0 + 4u, kv_head, lane); }
  if (KEYS > 5u) { s5 = start(row0 + 5u, kv_head, lane); }
  if (KEYS > 6u) { s6 = start(row0 + 6u, kv_head, lane); }
  if (KEYS > 7u) { s7 = start(row0 + 7u, kv_head, lane); }

  let queries0 = queries_of(row0);
  let queries1 = queries_of(row0 + min(1u, KEYS - 1u));
  let queries2 = queries_of(row0 + min(2u, KEYS - 1u));
  let queries3 = queries_of(row0 + min(3u, KEYS - 1u));
  let queries4 = queries_of(row0 + min(4u, KEYS - 1u));
  let queries5 = queries_of(row0 + min(5u, KEYS - 1u));
  let queries6 = queries_of(row0 + min(6u, KEYS - 1u));
  let queries7 = queries_of(row0 + min(7u, KEYS - 1u));
  let first = min(
    min(min(queries0.x, queries1.x), min(queries2.x, queries3.x)),
    min(min(queries4.x, queries5.x), min(queries6.x, queries7.x)),
  );
  let end = max(
    max(max(queries0.y, queries1.y), max(queries2.y, queries3.y)),
    max(max(queries4.y, queries5.y), max(queries6.y, queries7.y)),
  );

  for (var row = first; row < end; row += STEP) {
    for (var head = kv_head * GROUP; head < (kv_head + 1u) * GROUP; head++) {
      if (STEP == 4u) {
        let rows = min(vec4u(row) + (vec4u(lane) ^ vec4u(0u, 1u, 2u, 3u)), vec4u(end - 1u));
        let at = rows.x * HEADS + head;
        let queries = Queries(
          load_query(rows.x, head, lane),
          load_query(rows.y, head, lane),
          load_query(rows.z, head, lane),
          load_query(rows.w, head, lane),
          row + lane,
          lse[at] * LOG2_E,
          delta[at],
        );
        attended4(&s0, queries, queries0, lane);
        if (KEYS > 1u) { attended4(&s1, queries, queries1, lane); }
        if (KEYS > 2u) { attended4(&s2, queries, queries2, lane); }
        if (KEYS > 3u) { attended4(&s3, queries, queries3, lane); }
        if (KEYS > 4u) { attended4(&s4, queries, queries4, lane); }
        if (KEYS > 5u) { attended4(&s5, queries, queries5, lane); }
        if (KEYS > 6u) { attended4(&s6, queries, queries6, lane); }
        if (KEYS > 7u) { attended4(&s7, queries, queries7, lane); }
      } else {
        let query = load_query(row, head, lane);
        let query_lse = lse[row * HEADS + head] * LOG2_E;
        let query_delta = delta[row * HEADS + head];
        attended(&s0, query, row, query_lse, query_delta, queries0, lane);
        if (KEYS > 1u) { attended(&s1, query, row, query_lse, query_delta, queries1, lane); }
        if (KEYS > 2u) { attended(&s2, query, row, query_lse, query_delta, queries2, lane); }
        if (KEYS > 3u) { attended(&s3, query, row, query_lse, query_delta, queries3, lane); }
        if (KEYS > 4u) { attended(&s4, query, row, query_lse, query_delta, queries4, lane); }
        if (KEYS > 5u) { attended(&s5, query, row, query_lse, query_delta, queries5, lane); }
        if (KEYS > 6u) { attended(&s6, query, row, query_lse, query_delta, queries6, lane); }
        if (KEYS > 7u) { attended(&s7, query, row, query_lse, query_delta, queries7, lane); }
      }
    }
  }

  finish(s0, row0, kv_head, lane);
  if (KEYS > 1u) { finish(s1, row0 + 1u, kv_head, lane); }
  if (KEYS > 2u) { finish(s2, row0 + 2u, kv_head, lane); }
  if (KEYS > 3u) { finish(s3, row0 + 3u, kv_head, lane); }
  if (KEYS > 4u) { finish(s4, row0 + 4u, kv_head, lane); }
  if (KEYS > 5u) { finish(s5, row0 + 5u, kv_head, lane); }
  if (KEYS > 6u) { finish(s6, row0 + 6u, kv_head, lane); }
  if (KEYS > 7u) { finish(s7, row0 + 7u, kv_head, lane); }
}
