// Attention of sequences with one row each, as in generation. The keys of a sequence are split into parts, so that long
// sequences fill the card, and the parts are put together in order.
#include <cmath>

#include "ops/cuda/attention.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

constexpr int block_threads = 128;
constexpr int part_keys = AMALGAM_ATTENTION_KEYS;

/// A team of depth / 8 lanes reads a key, eight numbers per lane; a block's teams take keys in turn.
template <int depth>
struct Teams {
  static constexpr int lanes = depth / 8;
  static constexpr int count = block_threads / lanes;
};

/// How the partial results of one part of a head lie in memory: largest score, sum of exponentials, weighted values.
__device__ inline float* partial_of(float* partials, const AttentionArrays& arrays, int64_t sequence, int64_t head,
                                    int64_t parts, int64_t part) {
  return partials + ((sequence * arrays.heads + head) * parts + part) * (arrays.head_dim + 2);
}

/// exp2(from - to) where both may be -infinity.
__device__ inline float shrink(float from, float to) { return from == -INFINITY ? 0.0f : exp2f(from - to); }

// Grid: parts x (key heads * passes) x sequences. A pass handles up to `group` of the query heads that share the key head.
template <int depth, int group>
__global__ void __launch_bounds__(block_threads)
    parts_kernel(AttentionArrays arrays, int passes, int64_t parts, float* partials) {
  using T = Teams<depth>;
  const AmalgamSequence sequence = arrays.sequences[blockIdx.z];
  const int64_t keys_end = sequence.past + 1;
  const int64_t part_first = first_key(arrays, sequence.past) + static_cast<int64_t>(blockIdx.x) * part_keys;
  if (part_first >= keys_end) return;
  const int64_t part_end = part_first + part_keys < keys_end ? part_first + part_keys : keys_end;

  const int heads_per_key = arrays.heads / arrays.kv_heads;
  const int kv_head = static_cast<int>(blockIdx.y) / passes;
  const int first_head = static_cast<int>(blockIdx.y) % passes * group;  // among those that share the key head
  const int heads = heads_per_key - first_head < group ? heads_per_key - first_head : group;
  const int team = static_cast<int>(threadIdx.x) / T::lanes;
  const int col = static_cast<int>(threadIdx.x) % T::lanes * 8;
  const bool has_numbers = col < arrays.head_dim;

  float q[group][8] = {};
  float sums[group][8] = {};
  float largest[group];
  float total[group];
#pragma unroll
  for (int i = 0; i < group; ++i) {
    largest[i] = -INFINITY;
    total[i] = 0.0f;
    const int64_t head = static_cast<int64_t>(kv_head) * heads_per_key + first_head + i;
    if (i < heads && has_numbers) {
      load_eight(arrays, arrays.q + sequence.first * arrays.q_stride + head * arrays.head_dim, col, q[i]);
    }
  }

  // All lanes of a warp go through the same number of rounds, because they exchange sums.
  for (int64_t round = part_first; round < part_end; round += T::count) {
    const int64_t position = round + team;
    const bool inside = position < part_end && has_numbers;
    float key[8] = {};
    float value[8] = {};
    if (inside) {
      const int64_t offset = static_cast<int64_t>(kv_head) * arrays.head_dim;
      load_eight(arrays, key_row(arrays, sequence, position) + offset, col, key);
      load_eight(arrays, value_row(arrays, sequence, position) + offset, col, value);
    }
#pragma unroll
    for (int i = 0; i < group; ++i) {
      float score = 0.0f;
#pragma unroll
      for (int j = 0; j < 8; ++j) score = fmaf(q[i][j], key[j], score);
#pragma unroll
      for (int step = T::lanes / 2; step > 0; step /= 2) score += __shfl_xor_sync(whole_warp, score, step);
      if (position >= part_end) continue;
      score *= arrays.scale;
      const float before = largest[i];
      largest[i] = fmaxf(before, score);
      const float old = shrink(before, largest[i]);
      const float fresh = exp2f(score - largest[i]);
      total[i] = total[i] * old + fresh;
#pragma unroll
      for (int j = 0; j < 8; ++j) sums[i][j] = fmaf(fresh, value[j], sums[i][j] * old);
    }
  }

  // The teams' results, put together team by team.
  constexpr int record = depth + 2;
  float* const shared = reinterpret_cast<float*>(dynamic_shared());
#pragma unroll
  for (int i = 0; i < group; ++i) {
    float* const own = shared + (team * group + i) * record;
    if (col == 0) {
      own[0] = largest[i];
      own[1] = total[i];
    }
#pragma unroll
    for (int j = 0; j < 8; ++j) own[2 + col + j] = sums[i][j];
  }
  __syncthreads();
  for (int place = threadIdx.x; place < heads * arrays.head_dim; place += block_threads) {
    const int i = place / arrays.head_dim;
    const int number = place % arrays.head_dim;
    float overall = -INFINITY;
    for (int t = 0; t < T::count; ++t) overall = fmaxf(overall, shared[(t * group + i) * record]);
    float sum = 0.0f;
    float weights = 0.0f;
    for (int t = 0; t < T::count; ++t) {
      const float* const from = shared + (t * group + i) * record;
      const float weight = shrink(from[0], overall);
      sum += weight * from[2 + number];
      weights += weight * from[1];
    }
    const int64_t head = static_cast<int64_t>(kv_head) * heads_per_key + first_head + i;
    float* const to = partial_of(partials, arrays, blockIdx.z, head, parts, blockIdx.x);
    to[2 + number] = sum;
    if (number == 0) {
      to[0] = overall;
      to[1] = weights;
    }
  }
}

// Grid: heads x sequences.
__global__ void join_kernel(AttentionArrays arrays, int64_t parts, float* partials) {
  const AmalgamSequence sequence = arrays.sequences[blockIdx.y];
  const int64_t keys = sequence.past + 1 - first_key(arrays, sequence.past);
  const int64_t own_parts = (keys + part_keys - 1) / part_keys;
  const float* const first = partial_of(partials, arrays, blockIdx.y, blockIdx.x, parts, 0);
  const int64_t record = arrays.head_dim + 2;
  float overall = -INFINITY;
  for (int64_t part = 0; part < own_parts; ++part) overall = fmaxf(overall, first[part * record]);
  for (int number = threadIdx.x; number < arrays.head_dim; number += block_threads) {
    float sum = 0.0f;
    float total = 0.0f;
    for (int64_t part = 0; part < own_parts; ++part) {
      const float weight = shrink(first[part * record], overall);
      sum += weight * first[part * record + 2 + number];
      total += weight * first[part * record + 1];
    }
    arrays.out[sequence.first * arrays.out_stride + static_cast<int64_t>(blockIdx.x) * arrays.head_dim + number] =
        __float2bfloat16_rn(sum / total);
  }
}

template <int depth, int group>
int32_t start_parts(AmalgamContext* context, const AttentionArrays& arrays, int64_t sequences, int64_t parts,
                    float* partials, AmalgamFailure* failure) {
  const int passes = (arrays.heads / arrays.kv_heads + group - 1) / group;
  const dim3 grid(static_cast<unsigned>(parts), static_cast<unsigned>(arrays.kv_heads * passes),
                  static_cast<unsigned>(sequences));
  const size_t shared_bytes = sizeof(float) * Teams<depth>::count * group * (depth + 2);
  return launch(context, parts_kernel<depth, group>, grid, block_threads, shared_bytes, failure, arrays, passes, parts,
                partials);
}

template <int depth>
int32_t start_group(AmalgamContext* context, const AttentionArrays& arrays, int64_t sequences, int64_t parts,
                    float* partials, AmalgamFailure* failure) {
  const int heads_per_key = arrays.heads / arrays.kv_heads;
  const auto start = heads_per_key == 1  ? start_parts<depth, 1>
                     : heads_per_key <= 4 ? start_parts<depth, 4>
                                          : start_parts<depth, 8>;
  return start(context, arrays, sequences, parts, partials, failure);
}

}  // namespace

int32_t cuda_attention_decode(AmalgamContext* context, const AmalgamAttention* attention, int64_t sequences,
                              int64_t parts, float* device_partials, AmalgamFailure* failure) {
  const AttentionArrays arrays = attention_arrays(*attention);
  const auto start_for = [&] {
    if (attention->head_dim <= 8) return start_group<8>;
    if (attention->head_dim <= 16) return start_group<16>;
    if (attention->head_dim <= 32) return start_group<32>;
    if (attention->head_dim <= 64) return start_group<64>;
    if (attention->head_dim <= 128) return start_group<128>;
    return start_group<256>;
  };
  const int32_t status = start_for()(context, arrays, sequences, parts, device_partials, failure);
  if (status != 0) return status;
  const dim3 grid(static_cast<unsigned>(attention->heads), static_cast<unsigned>(sequences));
  return launch(context, join_kernel, grid, block_threads, 0, failure, arrays, parts, device_partials);
}
