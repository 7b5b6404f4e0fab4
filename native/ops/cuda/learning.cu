// Gradients into steps: the length of a gradient, and AdamW (Loshchilov and Hutter 2019).
#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/reduce.cuh"

namespace {

constexpr int block_threads = 256;
constexpr int64_t part_numbers = AMALGAM_NORM_PART;
constexpr int64_t most_blocks = 65535;  // adamw takes larger arrays in strides

__device__ bool is_kept(const uint8_t* mask, int64_t place) { return mask == nullptr || mask[place] != 0; }

// Grid: parts of part_numbers numbers, counted row by row. Every thread has the same numbers of a part each time.
__global__ void squares_kernel(const float* g, int64_t g_stride, const uint8_t* mask, int64_t mask_stride, int64_t rows,
                               int64_t cols, double* sums) {
  const int64_t first = static_cast<int64_t>(blockIdx.x) * part_numbers;
  const int64_t end = first + part_numbers < rows * cols ? first + part_numbers : rows * cols;
  double sum = 0;
  for (int64_t i = first + threadIdx.x; i < end; i += block_threads) {
    const int64_t row = i / cols;
    const int64_t col = i % cols;
    if (!is_kept(mask, row * mask_stride + col)) continue;
    const double number = static_cast<double>(g[row * g_stride + col]);
    sum += number * number;
  }
  sum = sum_over_block<block_threads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// One block.
__global__ void join_kernel(const double* sums, int64_t count, double* result) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += block_threads) sum += sums[i];
  sum = sum_over_block<block_threads>(sum);
  if (threadIdx.x == 0) *result = sum;
}

struct StepArrays {
  float* p;
  const float* g;
  float* m;
  float* v;
  const uint8_t* mask;
  void* copy;
  int64_t p_stride, g_stride, m_stride, v_stride, mask_stride, copy_stride;
  int64_t rows, cols;
  bool copy_is_bf16;
};

__global__ void adamw_kernel(StepArrays arrays, AmalgamAdamw step) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * block_threads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * block_threads + threadIdx.x; i < arrays.rows * arrays.cols;
       i += stride) {
    const int64_t row = i / arrays.cols;
    const int64_t col = i % arrays.cols;
    float* const p = arrays.p + row * arrays.p_stride + col;
    if (is_kept(arrays.mask, row * arrays.mask_stride + col)) {
      float* const m = arrays.m + row * arrays.m_stride + col;
      float* const v = arrays.v + row * arrays.v_stride + col;
      const float g = step.gradient_scale * arrays.g[row * arrays.g_stride + col];
      *m = step.beta1 * *m + step.rest1 * g;
      *v = step.beta2 * *v + step.rest2 * g * g;
      *p = *p * step.keep - step.rate * *m / (sqrtf(*v * step.correction2) + step.epsilon);
    }
    if (arrays.copy == nullptr) continue;
    const int64_t place = row * arrays.copy_stride + col;
    if (arrays.copy_is_bf16) {
      static_cast<Bf16*>(arrays.copy)[place] = __float2bfloat16_rn(*p);
    } else {
      static_cast<float*>(arrays.copy)[place] = *p;
    }
  }
}

}  // namespace

int32_t cuda_squared_norm(AmalgamContext* context, AmalgamArray g, AmalgamArray mask, double* device_sums,
                          AmalgamFailure* failure) {
  const int64_t parts = (g.rows * g.cols + part_numbers - 1) / part_numbers;
  const int32_t status =
      launch(context, squares_kernel, dim3(static_cast<unsigned>(parts)), block_threads, 0, failure,
             static_cast<const float*>(g.data), g.stride, static_cast<const uint8_t*>(mask.data), mask.stride, g.rows,
             g.cols, device_sums + 1);
  if (status != 0) return status;
  return launch(context, join_kernel, dim3(1), block_threads, 0, failure, device_sums + 1, parts, device_sums);
}

int32_t cuda_adamw(AmalgamContext* context, AmalgamArray p, AmalgamArray g, AmalgamArray m, AmalgamArray v,
                   AmalgamArray mask, AmalgamAdamw step, AmalgamArray copy, AmalgamFailure* failure) {
  const StepArrays arrays{static_cast<float*>(p.data),
                          static_cast<const float*>(g.data),
                          static_cast<float*>(m.data),
                          static_cast<float*>(v.data),
                          static_cast<const uint8_t*>(mask.data),
                          copy.data,
                          p.stride,
                          g.stride,
                          m.stride,
                          v.stride,
                          mask.stride,
                          copy.stride,
                          p.rows,
                          p.cols,
                          copy.type == AMALGAM_BF16};
  const int64_t blocks = (p.rows * p.cols + block_threads - 1) / block_threads;
  return launch(context, adamw_kernel, dim3(static_cast<unsigned>(blocks < most_blocks ? blocks : most_blocks)),
                block_threads, 0, failure, arrays, step);
}
