// Products of activations, weights and their gradients: by cuBLAS where there is one.
#include <climits>

#include "ops/cuda/cublas_check.cuh"
#include "ops/cuda/few_rows.cuh"
#include "ops/cuda/launch.cuh"
#include "ops/cuda/matmul.cuh"
#include "ops/cuda/operators.cuh"

namespace {

// Of cublas_api.h and library_types.h.
constexpr int32_t not_transposed = 0;     // CUBLAS_OP_N
constexpr int32_t transposed = 1;         // CUBLAS_OP_T
constexpr int32_t type_float = 0;         // CUDA_R_32F
constexpr int32_t type_bfloat16 = 14;     // CUDA_R_16BF
constexpr int32_t sums_in_float = 68;     // CUBLAS_COMPUTE_32F
constexpr int32_t default_algorithm = -1; // CUBLAS_GEMM_DEFAULT

bool fits_int(const AmalgamArray& array) {
  return array.rows <= INT_MAX && array.cols <= INT_MAX && array.stride <= INT_MAX;
}

/// cuBLAS counts columns first: what it calls out is out^T, made of the right factor and the left one transposed. An
/// array of ours is transposed to it as it lies.
int32_t multiply_by_cublas(AmalgamContext* context, const MatmulFactor& left, const MatmulFactor& right,
                           const AmalgamArray& out, bool accumulate, AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(context->device));
  const float one = 1.0f;
  const float old = accumulate ? 1.0f : 0.0f;
  const auto number = [](int64_t value) { return static_cast<int32_t>(value); };
  CUBLAS_TRY(context->cublas->gemm_ex(
      context->cublas_handle, right.turned ? not_transposed : transposed, left.turned ? transposed : not_transposed,
      number(right.rows()), number(left.rows()), number(left.depth()), &one, right.array.data, type_bfloat16,
      number(right.array.stride), left.array.data, type_bfloat16, number(left.array.stride), &old, out.data,
      out.type == AMALGAM_BF16 ? type_bfloat16 : type_float, number(out.stride), sums_in_float, default_algorithm));
  return 0;
}

int32_t multiply(AmalgamContext* context, const MatmulFactor& left, const MatmulFactor& right, const AmalgamArray& out,
                 int32_t accumulate, AmalgamFailure* failure) {
  const bool fits_cublas = left.depth() > 0 && fits_int(left.array) && fits_int(right.array) && fits_int(out);
  if (context->cublas != nullptr && fits_cublas) {
    return multiply_by_cublas(context, left, right, out, accumulate != 0, failure);
  }
  return cuda_matmul(context, left, right, out, accumulate != 0, failure);
}

}  // namespace

int32_t cuda_linear(AmalgamContext* context, AmalgamArray x, AmalgamArray w, AmalgamArray out, int32_t accumulate,
                    AmalgamFailure* failure) {
  if (is_for_few_rows(x, w)) return cuda_multiply_few_rows(context, x, w, out, accumulate != 0, failure);
  return multiply(context, {x}, {w}, out, accumulate, failure);
}

int32_t cuda_linear_back(AmalgamContext* context, AmalgamArray d_out, AmalgamArray w, AmalgamArray d_x,
                         int32_t accumulate, AmalgamFailure* failure) {
  return multiply(context, {d_out}, {w, true}, d_x, accumulate, failure);
}

int32_t cuda_weight_back(AmalgamContext* context, AmalgamArray d_out, AmalgamArray x, AmalgamArray d_w,
                         AmalgamFailure* failure) {
  return multiply(context, {d_out, true}, {x, true}, d_w, 1, failure);
}
