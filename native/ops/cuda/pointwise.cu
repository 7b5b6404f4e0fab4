// Operators that make each number from those at its place: add, add_bias, swiglu, scale_units.
#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"

namespace {

constexpr unsigned threads = 256;
constexpr int64_t most_grid_rows = 65535;  // the kernels take more rows in strides

/// x: groups of `width` columns; y: rows.
dim3 grid_for(int64_t rows, int64_t cols, int width) {
  const int64_t groups = (cols + width - 1) / width;
  return dim3(static_cast<unsigned>((groups + threads - 1) / threads),
              static_cast<unsigned>(rows < most_grid_rows ? rows : most_grid_rows));
}

template <int width>
__device__ int64_t own_column() {
  return (static_cast<int64_t>(blockIdx.x) * threads + threadIdx.x) * width;
}

// A bias is an array whose rows are all the same one: y_stride is 0.
template <int width>
__global__ void add_kernel(Bf16* x, int64_t x_stride, const Bf16* y, int64_t y_stride, int64_t rows, int64_t cols) {
  const int64_t col = own_column<width>();
  if (col >= cols) return;
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    float left[width];
    float right[width];
    load_numbers<width>(x + row * x_stride + col, left);
    load_numbers<width>(y + row * y_stride + col, right);
#pragma unroll
    for (int i = 0; i < width; ++i) left[i] += right[i];
    store_numbers<width>(x + row * x_stride + col, left);
  }
}

template <int width>
__global__ void swiglu_kernel(const Bf16* gate, int64_t gate_stride, const Bf16* up, int64_t up_stride, Bf16* out,
                              int64_t out_stride, int64_t rows, int64_t cols) {
  const int64_t col = own_column<width>();
  if (col >= cols) return;
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    float gates[width];
    float ups[width];
    load_numbers<width>(gate + row * gate_stride + col, gates);
    load_numbers<width>(up + row * up_stride + col, ups);
#pragma unroll
    for (int i = 0; i < width; ++i) gates[i] = gates[i] / (1.0f + expf(-gates[i])) * ups[i];
    store_numbers<width>(out + row * out_stride + col, gates);
  }
}

__global__ void scale_units_kernel(const float* u, int64_t u_stride, const float* c, int64_t c_stride,
                                   const int32_t* set_of_row, Bf16* out, int64_t out_stride, int64_t rows,
                                   int64_t cols) {
  const int64_t col = own_column<1>();
  if (col >= cols) return;
  for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
    out[row * out_stride + col] = __float2bfloat16_rn(u[row * u_stride + col] * c[set_of_row[row] * c_stride + col]);
  }
}

int32_t start_add(AmalgamContext* context, const AmalgamArray& x, const AmalgamArray& y, int64_t y_stride,
                  AmalgamFailure* failure) {
  const int width = in_eights(x) && in_eights(y) ? 8 : 1;
  const auto kernel = width == 8 ? add_kernel<8> : add_kernel<1>;
  return launch(context, kernel, grid_for(x.rows, x.cols, width), threads, 0, failure, bf16_data(x), x.stride,
                bf16_data(y), y_stride, x.rows, x.cols);
}

}  // namespace

int32_t cuda_add(AmalgamContext* context, AmalgamArray x, AmalgamArray y, AmalgamFailure* failure) {
  return start_add(context, x, y, y.stride, failure);
}

int32_t cuda_add_bias(AmalgamContext* context, AmalgamArray x, AmalgamArray bias, AmalgamFailure* failure) {
  return start_add(context, x, bias, 0, failure);
}

int32_t cuda_swiglu(AmalgamContext* context, AmalgamArray gate, AmalgamArray up, AmalgamArray out,
                    AmalgamFailure* failure) {
  const int width = in_eights(gate) && in_eights(up) && in_eights(out) ? 8 : 1;
  const auto kernel = width == 8 ? swiglu_kernel<8> : swiglu_kernel<1>;
  return launch(context, kernel, grid_for(out.rows, out.cols, width), threads, 0, failure, bf16_data(gate), gate.stride,
                bf16_data(up), up.stride, bf16_data(out), out.stride, out.rows, out.cols);
}

int32_t cuda_scale_units(AmalgamContext* context, AmalgamArray u, AmalgamArray c, const int32_t* device_set_of_row,
                         AmalgamArray out, AmalgamFailure* failure) {
  return launch(context, scale_units_kernel, grid_for(u.rows, u.cols, 1), threads, 0, failure,
                static_cast<const float*>(u.data), u.stride, static_cast<const float*>(c.data), c.stride,
                device_set_of_row, bf16_data(out), out.stride, u.rows, u.cols);
}
