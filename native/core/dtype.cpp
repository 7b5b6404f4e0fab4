#include "core/dtype.h"

#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/bf16.h"
#include "core/error.h"
#include "core/vectorised.h"

namespace amalgam::core {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian, and so is this reader");

namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  int bits;
};

// Every type that safetensors 0.6 knows. Only the float types are ever read; the others may lie beside them in a file.
constexpr std::array dtype_table{
    DTypeRow{DType::BOOL, "BOOL", 8},       DTypeRow{DType::F4, "F4", 4},
    DTypeRow{DType::F6_E2M3, "F6_E2M3", 6}, DTypeRow{DType::F6_E3M2, "F6_E3M2", 6},
    DTypeRow{DType::U8, "U8", 8},           DTypeRow{DType::I8, "I8", 8},
    DTypeRow{DType::F8_E5M2, "F8_E5M2", 8}, DTypeRow{DType::F8_E4M3, "F8_E4M3", 8},
    DTypeRow{DType::F8_E8M0, "F8_E8M0", 8}, DTypeRow{DType::I16, "I16", 16},
    DTypeRow{DType::U16, "U16", 16},        DTypeRow{DType::F16, "F16", 16},
    DTypeRow{DType::BF16, "BF16", 16},      DTypeRow{DType::I32, "I32", 32},
    DTypeRow{DType::U32, "U32", 32},        DTypeRow{DType::F32, "F32", 32},
    DTypeRow{DType::C64, "C64", 64},        DTypeRow{DType::F64, "F64", 64},
    DTypeRow{DType::I64, "I64", 64},        DTypeRow{DType::U64, "U64", 64},
};

constexpr bool table_follows_enum() {
  for (std::size_t i = 0; i < dtype_table.size(); ++i) {
    if (static_cast<std::size_t>(dtype_table[i].dtype) != i) return false;
  }
  return true;
}
static_assert(table_follows_enum());

const DTypeRow& row_of(DType dtype) { return dtype_table[static_cast<std::size_t>(dtype)]; }

template <typename Stored, typename Widen>
void widen(const std::byte* source, std::int64_t count, float* out, Widen widen_one) {
  vectorised([=]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < count; ++i) {
      Stored stored;
      std::memcpy(&stored, source + i * static_cast<std::int64_t>(sizeof(Stored)), sizeof(Stored));
      out[i] = widen_one(stored);
    }
  });
}

template <typename Narrow>
void narrow(const float* source, std::int64_t count, std::byte* out, Narrow narrow_one) {
  vectorised([=]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint16_t stored = narrow_one(source[i]);
      std::memcpy(out + i * 2, &stored, 2);
    }
  });
}

}  // namespace

std::string_view dtype_name(DType dtype) { return row_of(dtype).name; }

int dtype_bits(DType dtype) { return row_of(dtype).bits; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeRow& row : dtype_table) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

DType dtype_from_job_name(std::string_view name) {
  if (name == "float32") return DType::F32;
  if (name == "bfloat16") return DType::BF16;
  if (name == "float16") return DType::F16;
  throw Error("request-invalid", "dtype must be float32, bfloat16 or float16, not \"" + std::string(name) + "\".");
}

bool is_readable_float(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::F32 || dtype == DType::F64;
}

void to_f32(DType dtype, const std::byte* source, std::int64_t count, float* out) {
  switch (dtype) {
    case DType::F32:
      if (count > 0) std::memcpy(out, source, static_cast<std::size_t>(count) * 4);
      return;
    case DType::BF16:
      return widen<std::uint16_t>(source, count, out,
                                  [](std::uint16_t bits) AMALGAM_INLINE { return bf16_to_f32(bits); });
    case DType::F16:
      return widen<std::uint16_t>(source, count, out,
                                  [](std::uint16_t bits) AMALGAM_INLINE { return f16_to_f32(bits); });
    case DType::F64:
      return widen<double>(source, count, out, [](double value) AMALGAM_INLINE { return static_cast<float>(value); });
    default: throw std::logic_error("to_f32: " + std::string(dtype_name(dtype)) + " is no readable float type");
  }
}

void from_f32(DType dtype, const float* source, std::int64_t count, std::byte* out) {
  switch (dtype) {
    case DType::F32:
      if (count > 0) std::memcpy(out, source, static_cast<std::size_t>(count) * 4);
      return;
    case DType::BF16: return narrow(source, count, out, [](float value) AMALGAM_INLINE { return f32_to_bf16(value); });
    case DType::F16: return narrow(source, count, out, [](float value) AMALGAM_INLINE { return f32_to_f16(value); });
    case DType::F64:
      for (std::int64_t i = 0; i < count; ++i) {
        const double wide = source[i];
        std::memcpy(out + i * 8, &wide, 8);
      }
      return;
    default: throw std::logic_error("from_f32: " + std::string(dtype_name(dtype)) + " is no output type");
  }
}

}  // namespace amalgam::core
