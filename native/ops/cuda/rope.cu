#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"

namespace {

constexpr unsigned threads = 256;

// Grid: one block per row. A thread turns `width` neighbouring pairs (i, i + head_dim / 2) of a head; direction -1 takes a
// turn back.
template <int width>
__global__ void rope_kernel(Bf16* x, int64_t stride, int heads, int half, const int32_t* positions,
                            const float* cosines, int64_t cosine_stride, const float* sines, int64_t sine_stride,
                            float direction) {
  const int64_t row = blockIdx.x;
  const float* cosine = cosines + positions[row] * cosine_stride;
  const float* sine = sines + positions[row] * sine_stride;
  const int groups = half / width;
  for (int i = static_cast<int>(threadIdx.x); i < heads * groups; i += static_cast<int>(threads)) {
    const int pair = i % groups * width;
    Bf16* low = x + row * stride + static_cast<int64_t>(i / groups) * 2 * half + pair;
    float lows[width];
    float highs[width];
    load_numbers<width>(low, lows);
    load_numbers<width>(low + half, highs);
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const float a = lows[j];
      const float b = highs[j];
      const float turned = direction * sine[pair + j];
      lows[j] = a * cosine[pair + j] - b * turned;
      highs[j] = b * cosine[pair + j] + a * turned;
    }
    store_numbers<width>(low, lows);
    store_numbers<width>(low + half, highs);
  }
}

int32_t start(AmalgamContext* context, const AmalgamArray& x, int64_t head_dim, const int32_t* positions,
              const AmalgamArray& cosines, const AmalgamArray& sines, float direction, AmalgamFailure* failure) {
  const auto kernel = in_eights(x) && head_dim % 16 == 0 ? rope_kernel<8> : rope_kernel<1>;
  return launch(context, kernel, dim3(static_cast<unsigned>(x.rows)), threads, 0, failure, bf16_data(x), x.stride,
                x.cols / head_dim, head_dim / 2, positions, static_cast<const float*>(cosines.data), cosines.stride,
                static_cast<const float*>(sines.data), sines.stride, direction);
}

}  // namespace

int32_t cuda_rope(AmalgamContext* context, AmalgamArray x, int64_t head_dim, const int32_t* device_positions,
                  AmalgamArray cosines, AmalgamArray sines, AmalgamFailure* failure) {
  return start(context, x, head_dim, device_positions, cosines, sines, 1.0f, failure);
}

int32_t cuda_rope_back(AmalgamContext* context, AmalgamArray d_x, int64_t head_dim, const int32_t* device_positions,
                       AmalgamArray cosines, AmalgamArray sines, AmalgamFailure* failure) {
  return start(context, d_x, head_dim, device_positions, cosines, sines, -1.0f, failure);
}
