// What rows of logits are judged by, and its gradient: with p the softmax of a row, -log p[target] and p - onehot(target), or the
// entropy -sum p log p and -p (log p + entropy).
#include <cmath>

#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

constexpr int block_threads = 512;

struct LossRows {
  const float* logits;
  int64_t logit_stride;
  int64_t cols;
  const int32_t* targets;  ///< null: the entropy
  const float* weights;
  double* values;
  Bf16* d_logits;  ///< may be null
  int64_t d_logit_stride;
};

__device__ float largest_over_block(float value) {
  constexpr int warps = block_threads / warp_threads;
  __shared__ float of_warps[warps];
#pragma unroll
  for (int step = warp_threads / 2; step > 0; step /= 2) value = fmaxf(value, __shfl_xor_sync(whole_warp, value, step));
  if (threadIdx.x % warp_threads == 0) of_warps[threadIdx.x / warp_threads] = value;
  __syncthreads();
  for (int warp = 0; warp < warps; ++warp) value = fmaxf(value, of_warps[warp]);
  return value;
}

// Grid: one block per row of logits.
__global__ void token_loss_kernel(LossRows rows) {
  const int64_t row = blockIdx.x;
  const float* const logits = rows.logits + row * rows.logit_stride;
  float own = -INFINITY;
  int broken = 0;
  for (int64_t i = threadIdx.x; i < rows.cols; i += block_threads) {
    broken |= isfinite(logits[i]) ? 0 : 1;
    own = fmaxf(own, logits[i]);
  }
  const bool usable = __syncthreads_or(broken) == 0;
  const float largest = largest_over_block(own);

  // Of the exponentials, and of each times its logit's distance from the largest.
  float sum = 0.0f;
  float weighted = 0.0f;
  for (int64_t i = threadIdx.x; i < rows.cols; i += block_threads) {
    const float distance = logits[i] - largest;
    const float exponential = expf(distance);
    sum += exponential;
    weighted += exponential * distance;
  }
  const double total = sum_over_block<block_threads>(static_cast<double>(sum));
  const bool is_entropy = rows.targets == nullptr;
  double value = log(total);
  const int32_t target = is_entropy ? -1 : rows.targets[row];
  if (is_entropy) {
    value -= sum_over_block<block_threads>(static_cast<double>(weighted)) / total;
  } else {
    value -= static_cast<double>(logits[target]) - static_cast<double>(largest);
  }
  if (!usable) value = static_cast<double>(NAN);
  if (threadIdx.x == 0) rows.values[row] = value;
  if (rows.d_logits == nullptr) return;

  Bf16* const d_logits = rows.d_logits + row * rows.d_logit_stride;
  const float log_total = static_cast<float>(log(total));
  const float scale = usable ? rows.weights[row] : NAN;
  const float entropy = static_cast<float>(value);
  for (int64_t i = threadIdx.x; i < rows.cols; i += block_threads) {
    const float log_p = logits[i] - largest - log_total;
    const float p = expf(log_p);
    const float gradient = is_entropy ? -p * (log_p + entropy) : p - (i == target ? 1.0f : 0.0f);
    d_logits[i] = __float2bfloat16_rn(scale * gradient);
  }
}

}  // namespace

int32_t cuda_token_loss(AmalgamContext* context, AmalgamArray logits, const int32_t* device_targets,
                        const float* device_weights, double* device_values, AmalgamArray d_logits,
                        AmalgamFailure* failure) {
  const LossRows rows{static_cast<const float*>(logits.data), logits.stride,       logits.cols,
                      device_targets,                         device_weights,      device_values,
                      bf16_data(d_logits),                    d_logits.stride};
  return launch(context, token_loss_kernel, dim3(static_cast<unsigned>(logits.rows)), block_threads, 0, failure, rows);
}
