// Operators that make each number from those at its place: add, add_bias, swiglu and its gradients, scale_units.
#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"
#include "ops/cuda/pointwise.cuh"

namespace {

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

struct GateGradients {
  const Bf16* gate;
  const Bf16* up;
  const Bf16* d_out;
  Bf16* d_gate;
  Bf16* d_up;
  int64_t gate_stride, up_stride, d_out_stride, d_gate_stride, d_up_stride;
  int64_t rows, cols;
};

// With s = 1 / (1 + exp(-gate)): d_up = d_out gate s; d_gate = d_out up s (1 + gate (1 - s)).
template <int width>
__global__ void swiglu_back_kernel(GateGradients arrays) {
  const int64_t col = own_column<width>();
  if (col >= arrays.cols) return;
  for (int64_t row = blockIdx.y; row < arrays.rows; row += gridDim.y) {
    float gates[width];
    float ups[width];
    float d_outs[width];
    load_numbers<width>(arrays.gate + row * arrays.gate_stride + col, gates);
    load_numbers<width>(arrays.up + row * arrays.up_stride + col, ups);
    load_numbers<width>(arrays.d_out + row * arrays.d_out_stride + col, d_outs);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const float share = 1.0f / (1.0f + expf(-gates[i]));
      const float d_gate = d_outs[i] * ups[i] * share * (1.0f + gates[i] * (1.0f - share));
      ups[i] = d_outs[i] * gates[i] * share;
      gates[i] = d_gate;
    }
    store_numbers<width>(arrays.d_gate + row * arrays.d_gate_stride + col, gates);
    store_numbers<width>(arrays.d_up + row * arrays.d_up_stride + col, ups);
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
  return launch(context, kernel, pointwise_grid(x.rows, x.cols, width), pointwise_threads, 0, failure, bf16_data(x), x.stride,
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
  return launch(context, kernel, pointwise_grid(out.rows, out.cols, width), pointwise_threads, 0, failure, bf16_data(gate), gate.stride,
                bf16_data(up), up.stride, bf16_data(out), out.stride, out.rows, out.cols);
}

int32_t cuda_swiglu_back(AmalgamContext* context, AmalgamArray gate, AmalgamArray up, AmalgamArray d_out,
                         AmalgamArray d_gate, AmalgamArray d_up, AmalgamFailure* failure) {
  const bool by_eights = in_eights(gate) && in_eights(up) && in_eights(d_out) && in_eights(d_gate) && in_eights(d_up);
  const auto kernel = by_eights ? swiglu_back_kernel<8> : swiglu_back_kernel<1>;
  const GateGradients arrays{bf16_data(gate), bf16_data(up), bf16_data(d_out), bf16_data(d_gate), bf16_data(d_up),
                             gate.stride,     up.stride,     d_out.stride,     d_gate.stride,     d_up.stride,
                             gate.rows,       gate.cols};
  return launch(context, kernel, pointwise_grid(gate.rows, gate.cols, by_eights ? 8 : 1), pointwise_threads, 0, failure,
                arrays);
}

int32_t cuda_scale_units(AmalgamContext* context, AmalgamArray u, AmalgamArray c, const int32_t* device_set_of_row,
                         AmalgamArray out, AmalgamFailure* failure) {
  return launch(context, scale_units_kernel, pointwise_grid(u.rows, u.cols, 1), pointwise_threads, 0, failure,
                static_cast<const float*>(u.data), u.stride, static_cast<const float*>(c.data), c.stride,
                device_set_of_row, bf16_data(out), out.stride, u.rows, u.cols);
}
