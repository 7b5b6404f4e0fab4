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

/// cuBLAS counts columns first: what it calls out is out^T, made of w, which it reads transposed, and x^T.
int32_t multiply_by_cublas(AmalgamContext* context, const AmalgamArray& x, const AmalgamArray& w,
                           const AmalgamArray& out, bool accumulate, AmalgamFailure* failure) {
  CUDA_TRY(cudaSetDevice(context->device));
  const float one = 1.0f;
  const float old = accumulate ? 1.0f : 0.0f;
  const auto number = [](int64_t value) { return static_cast<int32_t>(value); };
  CUBLAS_TRY(context->cublas->gemm_ex(context->cublas_handle, transposed, not_transposed, number(w.rows),
                                      number(x.rows), number(x.cols), &one, w.data, type_bfloat16, number(w.stride),
                                      x.data, type_bfloat16, number(x.stride), &old, out.data,
                                      out.type == AMALGAM_BF16 ? type_bfloat16 : type_float, number(out.stride),
                                      sums_in_float, default_algorithm));
  return 0;
}

}  // namespace

int32_t cuda_linear(AmalgamContext* context, AmalgamArray x, AmalgamArray w, AmalgamArray out, int32_t accumulate,
                    AmalgamFailure* failure) {
  if (is_for_few_rows(x, w)) return cuda_multiply_few_rows(context, x, w, out, accumulate != 0, failure);
  if (context->cublas != nullptr && x.cols > 0 && fits_int(x) && fits_int(w) && fits_int(out)) {
    return multiply_by_cublas(context, x, w, out, accumulate != 0, failure);
  }
  return cuda_matmul(context, x, w, out, accumulate != 0, failure);
}
