// out[h, r, j] = exp(scale * q·k - lse) of query row `first + r` and head h for every key j in the row's two ranges; 0 for
// other keys. lse is attention's own, so a row adds up to 1, and Σ_j out[h, r, j] v_j is what attention gives that head.
//
// A lane owns four neighbouring keys of one (head, row) and loads the query once for them. Bound by the loads of keys.

const HEAD_VECS = HEAD_DIM / 4u;

fn attended(range: vec4u, key: vec4u) -> vec4<bool> {
  return ((key >= range.xxxx) & (key < range.yyyy)) | ((key >= range.zzzz) & (key < range.wwww));
}

@compute @workgroup_size(WG)
fn attention_map(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.count) { return; }
  let key = 4u * (i % params.stride4) + vec4u(0u, 1u, 2u, 3u);
  let row = params.first + i / params.stride4 % params.rows;
  let head = i / (params.stride4 * params.rows);
  let seen = attended(ranges[row], key);
  var weight = vec4f();
  if (any(seen)) {
    let query = row * params.q_stride + head * HEAD_VECS;
    let of_head = params.k_offset + head / (HEADS / KV_HEADS) * HEAD_VECS;
    let at = min(key, vec4u(params.keys - 1u)) * params.kv_stride + of_head;
    var dots = vec4f();
    for (var d = 0u; d < HEAD_VECS; d++) {
      let x = q[query + d];
      dots += vec4f(dot(x, kv[at.x + d]), dot(x, kv[at.y + d]), dot(x, kv[at.z + d]), dot(x, kv[at.w + d]));
    }
    // Masked keys may lie far above the sum: their exponential would be infinite.
    weight = select(vec4f(), exp(min(params.scale * dots - lse[row * HEADS + head], vec4f())), seen);
  }
  out[i] = weight;
}
