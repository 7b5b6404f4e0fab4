// Gradients of the coefficients of rank units: sums over rows of products at their place, in two stages, so that their order
// never changes.
#include "ops/cuda/launch.cuh"
#include "ops/cuda/operators.cuh"

namespace {

constexpr unsigned threads = 128;

// Grid: columns x stretches. One sum per unit and stretch, row by row.
__global__ void stretch_kernel(const float* u, int64_t u_stride, const float* v, int64_t v_stride,
                               const AmalgamStretch* stretches, float* sums, int64_t units) {
  const int64_t unit = static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x;
  if (unit >= units) return;
  const AmalgamStretch stretch = stretches[blockIdx.y];
  float sum = 0.0f;
  for (int64_t row = stretch.first; row < stretch.first + stretch.rows; ++row) {
    sum = fmaf(u[row * u_stride + unit], v[row * v_stride + unit], sum);
  }
  sums[static_cast<int64_t>(blockIdx.y) * units + unit] = sum;
}

// Grid: columns x sets. The stretches of a set, in their order.
__global__ void join_kernel(const AmalgamStretch* stretches, int64_t count, const float* sums, float* d_c,
                            int64_t d_c_stride, int64_t units) {
  const int64_t unit = static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x;
  if (unit >= units) return;
  const int64_t set = blockIdx.y;
  float sum = 0.0f;
  for (int64_t stretch = 0; stretch < count; ++stretch) {
    if (stretches[stretch].set == set) sum += sums[stretch * units + unit];
  }
  d_c[set * d_c_stride + unit] += sum;
}

}  // namespace

int32_t cuda_unit_back(AmalgamContext* context, AmalgamArray u, AmalgamArray v, const AmalgamStretch* device_stretches,
                       int64_t stretches, float* device_sums, AmalgamArray d_c, AmalgamFailure* failure) {
  const auto columns = static_cast<unsigned>((u.cols + threads - 1) / threads);
  const int32_t status = launch(context, stretch_kernel, dim3(columns, static_cast<unsigned>(stretches)), threads, 0,
                                failure, static_cast<const float*>(u.data), u.stride,
                                static_cast<const float*>(v.data), v.stride, device_stretches, device_sums, u.cols);
  if (status != 0) return status;
  return launch(context, join_kernel, dim3(columns, static_cast<unsigned>(d_c.rows)), threads, 0, failure,
                device_stretches, stretches, device_sums, static_cast<float*>(d_c.data), d_c.stride, u.cols);
}
