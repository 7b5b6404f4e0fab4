#include <climits>
#include <cmath>

#include "ops/cuda/launch.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

constexpr int block_threads = 512;

struct Largest {
  float value;
  int32_t index;  // the lowest one that has the value
};

__device__ Largest larger(Largest left, Largest right) {
  const bool takes_right = right.value > left.value || (right.value == left.value && right.index < left.index);
  return takes_right ? right : left;
}

__device__ Largest largest_over_block(Largest largest) {
  constexpr int warps = block_threads / warp_threads;
  __shared__ Largest of_warps[warps];
#pragma unroll
  for (int step = warp_threads / 2; step > 0; step /= 2) {
    const float value = __shfl_xor_sync(whole_warp, largest.value, step);
    const int32_t index = __shfl_xor_sync(whole_warp, largest.index, step);
    largest = larger(largest, Largest{value, index});
  }
  if (threadIdx.x % warp_threads == 0) of_warps[threadIdx.x / warp_threads] = largest;
  __syncthreads();
  for (int warp = 0; warp < warps; ++warp) largest = larger(largest, of_warps[warp]);
  return largest;
}

// Grid: one block per row of logits.
__global__ void token_choices_kernel(const float* logits, int64_t stride, int64_t cols, const int32_t* targets,
                                     double* log_probabilities, int32_t* best) {
  const float* row = logits + static_cast<int64_t>(blockIdx.x) * stride;
  Largest own{-INFINITY, INT_MAX};
  int broken = 0;
  for (int64_t i = threadIdx.x; i < cols; i += block_threads) {
    const float value = row[i];
    broken |= isfinite(value) ? 0 : 1;
    if (value > own.value) own = Largest{value, static_cast<int32_t>(i)};
  }
  const bool usable = __syncthreads_or(broken) == 0;
  const Largest largest = largest_over_block(own);
  if (best != nullptr && threadIdx.x == 0) best[blockIdx.x] = usable ? largest.index : -1;
  const int32_t target = targets != nullptr ? targets[blockIdx.x] : -1;
  if (target < 0 && target != AMALGAM_BEST_TOKEN) return;

  float sum = 0.0f;
  for (int64_t i = threadIdx.x; i < cols; i += block_threads) sum += expf(row[i] - largest.value);
  const double total = sum_over_block<block_threads>(static_cast<double>(sum));
  if (threadIdx.x != 0) return;
  const float logit = target < 0 ? largest.value : row[target];
  const double log_probability = static_cast<double>(logit) - static_cast<double>(largest.value) - log(total);
  log_probabilities[blockIdx.x] = usable ? log_probability : static_cast<double>(NAN);
}

}  // namespace

int32_t cuda_token_choices(AmalgamContext* context, AmalgamArray logits, const int32_t* device_targets,
                           double* device_log_probabilities, int32_t* device_best, AmalgamFailure* failure) {
  return launch(context, token_choices_kernel, dim3(static_cast<unsigned>(logits.rows)), block_threads, 0, failure,
                static_cast<const float*>(logits.data), logits.stride, logits.cols, device_targets,
                device_log_probabilities, device_best);
}
