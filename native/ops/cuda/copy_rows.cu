// Rows from one array to another: embed reads rows by number, scatter_rows writes them by number. clear_rows empties rows.
#include "ops/cuda/launch.cuh"
#include "ops/cuda/numbers.cuh"
#include "ops/cuda/operators.cuh"

namespace {

constexpr unsigned threads = 128;

// Grid: one block per row of `out`.
template <int width>
__global__ void embed_kernel(const Bf16* table, int64_t table_stride, const int32_t* ids, Bf16* out, int64_t out_stride,
                             int64_t cols) {
  const int64_t row = blockIdx.x;
  const Bf16* from = table + ids[row] * table_stride;
  for (int64_t i = static_cast<int64_t>(threadIdx.x) * width; i < cols; i += static_cast<int64_t>(threads) * width) {
    float numbers[width];
    load_numbers<width>(from + i, numbers);
    store_numbers<width>(out + row * out_stride + i, numbers);
  }
}

// Grid: one block per row of `from`.
template <int width>
__global__ void scatter_kernel(const Bf16* from, int64_t from_stride, const int64_t* target_rows, Bf16* to,
                               int64_t to_stride, int64_t cols) {
  const int64_t row = blockIdx.x;
  const int64_t target = target_rows[row];
  if (target < 0) return;
  for (int64_t i = static_cast<int64_t>(threadIdx.x) * width; i < cols; i += static_cast<int64_t>(threads) * width) {
    float numbers[width];
    load_numbers<width>(from + row * from_stride + i, numbers);
    store_numbers<width>(to + target * to_stride + i, numbers);
  }
}

}  // namespace

int32_t cuda_embed(AmalgamContext* context, AmalgamArray table, const int32_t* device_ids, AmalgamArray out,
                   AmalgamFailure* failure) {
  const auto kernel = in_eights(table) && in_eights(out) ? embed_kernel<8> : embed_kernel<1>;
  return launch(context, kernel, dim3(static_cast<unsigned>(out.rows)), threads, 0, failure, bf16_data(table),
                table.stride, device_ids, bf16_data(out), out.stride, out.cols);
}

int32_t cuda_scatter_rows(AmalgamContext* context, AmalgamArray from, const int64_t* device_target_rows,
                          AmalgamArray to, AmalgamFailure* failure) {
  const auto kernel = in_eights(from) && in_eights(to) ? scatter_kernel<8> : scatter_kernel<1>;
  return launch(context, kernel, dim3(static_cast<unsigned>(from.rows)), threads, 0, failure, bf16_data(from),
                from.stride, device_target_rows, bf16_data(to), to.stride, from.cols);
}

int32_t cuda_clear_rows(AmalgamContext* context, AmalgamArray x, AmalgamFailure* failure) {
  const size_t number_bytes = x.type == AMALGAM_BF16 ? sizeof(Bf16) : sizeof(float);
  const auto width = static_cast<size_t>(x.cols) * number_bytes;
  CUDA_TRY(cudaSetDevice(context->device));
  CUDA_TRY(cudaMemset2DAsync(x.data, static_cast<size_t>(x.stride) * number_bytes, 0, width, static_cast<size_t>(x.rows),
                             context->stream));
  return 0;
}
