// The element types a safetensors file may name, and bulk conversion from and to float.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace amalgam::core {

enum class DType : std::uint8_t {
  BOOL,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64,
};

/// The name used in files, for example "BF16".
std::string_view dtype_name(DType dtype);

/// Storage bits of one element (4 for F4, 64 for C64).
int dtype_bits(DType dtype);

/// The type with that file name, or nothing.
std::optional<DType> dtype_from_name(std::string_view name);

/// The output type a job names ("float32", "bfloat16", "float16"). Throws Error "request-invalid" for any other word.
DType dtype_from_job_name(std::string_view name);

/// True for F16, BF16, F32 and F64: the types that factors come in.
bool is_readable_float(DType dtype);

/// Widens `count` little-endian elements at `source` to float. F64 is rounded to nearest. `dtype` must be readable.
void to_f32(DType dtype, const std::byte* source, std::int64_t count, float* out);

/// Rounds `count` floats once to F32, BF16 or F16 (nearest even), or widens them to F64, little-endian, at `out`.
void from_f32(DType dtype, const float* source, std::int64_t count, std::byte* out);

}  // namespace amalgam::core
