// A library with the functions of cuBLAS that Amalgam looks up, computing with plain loops on the host: for the tests of finding
// and opening it, and for the emulated card. FAKE_CUBLAS_WRONG=1 makes its products wrong, FAKE_CUBLAS_FAILS=1 makes them fail.
#include <cstdint>
#include <cstdlib>

#include "core/bf16.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

constexpr int32_t success = 0;
constexpr int32_t invalid_value = 7;
constexpr int32_t failed = 13;
constexpr int32_t type_float = 0;
constexpr int32_t type_bfloat16 = 14;
constexpr int32_t sums_in_float = 68;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '1';
}

float read(const void* data, int32_t type, int64_t place) {
  if (type == type_float) return static_cast<const float*>(data)[place];
  return amalgam::core::bf16_to_f32(static_cast<const std::uint16_t*>(data)[place]);
}

void write(void* data, int32_t type, int64_t place, float number) {
  if (type == type_float) {
    static_cast<float*>(data)[place] = number;
  } else {
    static_cast<std::uint16_t*>(data)[place] = amalgam::core::f32_to_bf16(number);
  }
}

bool is_known(int32_t type) { return type == type_float || type == type_bfloat16; }

}  // namespace

EXPORTED int32_t cublasCreate_v2(void** handle) {
  *handle = std::malloc(1);
  return success;
}
EXPORTED int32_t cublasDestroy_v2(void* handle) {
  std::free(handle);
  return success;
}
EXPORTED int32_t cublasSetStream_v2(void*, void*) { return success; }
EXPORTED int32_t cublasSetWorkspace_v2(void*, void*, size_t) { return success; }
EXPORTED int32_t cublasSetMathMode(void*, int32_t) { return success; }

/// c = alpha op(a) op(b) + beta c, columns first, as in cuBLAS's manual.
EXPORTED int32_t cublasGemmEx(void*, int32_t operation_a, int32_t operation_b, int32_t m, int32_t n, int32_t k,
                              const void* alpha, const void* a, int32_t type_a, int32_t lda, const void* b,
                              int32_t type_b, int32_t ldb, const void* beta, void* c, int32_t type_c, int32_t ldc,
                              int32_t compute_type, int32_t) {
  if (is_set("FAKE_CUBLAS_FAILS")) return failed;
  const bool sizes_fit = lda >= (operation_a == 0 ? m : k) && ldb >= (operation_b == 0 ? k : n) && ldc >= m;
  const bool types_fit = is_known(type_a) && is_known(type_b) && is_known(type_c) && compute_type == sums_in_float;
  if (!sizes_fit || !types_fit) return invalid_value;
  const float scale = *static_cast<const float*>(alpha);
  const float keep = *static_cast<const float*>(beta);
  for (int64_t col = 0; col < n; ++col) {
    for (int64_t row = 0; row < m; ++row) {
      float sum = is_set("FAKE_CUBLAS_WRONG") ? 1.0f : 0.0f;
      for (int64_t i = 0; i < k; ++i) {
        sum += read(a, type_a, operation_a == 0 ? i * lda + row : row * lda + i) *
               read(b, type_b, operation_b == 0 ? col * ldb + i : i * ldb + col);
      }
      const int64_t place = col * ldc + row;
      // With beta 0, c is not read: it may hold anything.
      write(c, type_c, place, keep == 0.0f ? scale * sum : scale * sum + keep * read(c, type_c, place));
    }
  }
  return success;
}
