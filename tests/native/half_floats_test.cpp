// bf16 and f16 against arithmetic that shares nothing with the bit tricks under test.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/bf16.h"
#include "core/dtype.h"
#include "core/error.h"
#include "runner.h"

using namespace amalgam::core;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

struct Format {
  int exponent_bits;
  int mantissa_bits;
};
constexpr Format bf16{8, 7};
constexpr Format f16{5, 10};

/// The value of a bit pattern by the definition of the format.
double value_of(std::uint16_t bits, Format format) {
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  const int exponent = (bits >> format.mantissa_bits) & ((1 << format.exponent_bits) - 1);
  const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == (1 << format.exponent_bits) - 1) return mantissa == 0 ? sign * HUGE_VAL : std::nan("");
  const double fraction = std::ldexp(mantissa, -format.mantissa_bits);
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
  return sign * std::ldexp(1.0 + fraction, exponent - bias);
}

bool is_nan_pattern(std::uint16_t bits, Format format) { return std::isnan(value_of(bits, format)); }

/// Every pattern: widening gives the defined value, narrowing gives the pattern back (a NaN stays one, with its sign).
template <typename Widen, typename Narrow>
void check_all_patterns(Format format, Widen widen, Narrow narrow) {
  for (int pattern = 0; pattern < 65536; ++pattern) {
    const auto bits = static_cast<std::uint16_t>(pattern);
    const float wide = widen(bits);
    if (is_nan_pattern(bits, format)) {
      CHECK(std::isnan(wide));
      const std::uint16_t back = narrow(wide);
      CHECK(is_nan_pattern(back, format));
      CHECK_EQ(back & 0x8000, bits & 0x8000);
    } else {
      CHECK_EQ(static_cast<double>(wide), value_of(bits, format));
      CHECK_EQ(std::signbit(wide), (bits & 0x8000) != 0);
      CHECK_EQ(narrow(wide), bits);
    }
  }
}

/// Between every two neighbours: just below the middle goes down, just above goes up, the middle to the even one.
template <typename Widen, typename Narrow>
void check_all_middles(std::uint16_t largest_finite, Widen widen, Narrow narrow) {
  for (std::uint16_t lower = 0; lower < largest_finite; ++lower) {
    const auto upper = static_cast<std::uint16_t>(lower + 1);
    const double exact_middle = (static_cast<double>(widen(lower)) + static_cast<double>(widen(upper))) / 2;
    const auto middle = static_cast<float>(exact_middle);
    CHECK_EQ(static_cast<double>(middle), exact_middle);
    const std::uint16_t even = lower % 2 == 0 ? lower : upper;
    CHECK_EQ(narrow(middle), even);
    CHECK_EQ(narrow(std::nextafter(middle, 0.0f)), lower);
    CHECK_EQ(narrow(std::nextafter(middle, infinity)), upper);
    CHECK_EQ(narrow(-middle), even | 0x8000);
  }
}

}  // namespace

TEST("bf16: all 65536 patterns") { check_all_patterns(bf16, bf16_to_f32, f32_to_bf16); }

TEST("f16: all 65536 patterns") { check_all_patterns(f16, f16_to_f32, f32_to_f16); }

TEST("bf16: rounding between all neighbours") { check_all_middles(0x7f7f, bf16_to_f32, f32_to_bf16); }

TEST("f16: rounding between all neighbours") { check_all_middles(0x7bff, f16_to_f32, f32_to_f16); }

TEST("overflow, infinity and NaN") {
  CHECK_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  CHECK_EQ(f32_to_bf16(-infinity), 0xff80);
  CHECK_EQ(f32_to_f16(65519.996f), 0x7bff);
  CHECK_EQ(f32_to_f16(65520.0f), 0x7c00);
  CHECK_EQ(f32_to_f16(-1e30f), 0xfc00);
  CHECK_EQ(f32_to_f16(infinity), 0x7c00);
  CHECK(is_nan_pattern(f32_to_bf16(nan_value), bf16));
  CHECK(is_nan_pattern(f32_to_f16(nan_value), f16));
  // A NaN whose payload lies only in the bits that are cut off must not become infinity.
  CHECK(is_nan_pattern(f32_to_bf16(std::bit_cast<float>(0x7f800001u)), bf16));
  CHECK(is_nan_pattern(f32_to_f16(std::bit_cast<float>(0xff800001u)), f16));
  CHECK_EQ(f32_to_f16(0x1p-26f), 0);
  CHECK_EQ(f32_to_f16(std::bit_cast<float>(1u)), 0);
}

TEST("bulk conversion agrees with single conversion and handles counts of 0, 1 and 33 at odd addresses") {
  for (const std::int64_t count : {0, 1, 33}) {
    std::vector<float> values(33);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.37f - 5.0f;
    for (const DType dtype : {DType::F32, DType::BF16, DType::F16, DType::F64}) {
      const std::int64_t bytes = dtype_bits(dtype) / 8;
      std::vector<std::byte> stored(static_cast<std::size_t>(33 * bytes + 1));
      std::vector<float> back(33, -1.0f);
      from_f32(dtype, values.data(), count, stored.data() + 1);
      to_f32(dtype, stored.data() + 1, count, back.data());
      for (std::int64_t i = 0; i < 33; ++i) {
        const float value = values[static_cast<std::size_t>(i)];
        const float expected = i >= count             ? -1.0f
                               : dtype == DType::BF16 ? bf16_to_f32(f32_to_bf16(value))
                               : dtype == DType::F16  ? f16_to_f32(f32_to_f16(value))
                                                      : value;
        CHECK_EQ(back[static_cast<std::size_t>(i)], expected);
      }
    }
  }
}

TEST("f64 is read, rounded to nearest") {
  const std::vector<double> values{1.0, -0.1, 1e-300, 1e300};
  std::vector<std::byte> stored(values.size() * sizeof(double));
  std::memcpy(stored.data(), values.data(), stored.size());
  std::vector<float> read(values.size());
  to_f32(DType::F64, stored.data(), 4, read.data());
  CHECK_EQ(read[0], 1.0f);
  CHECK_EQ(read[1], -0.1f);
  CHECK_EQ(read[2], 0.0f);
  CHECK_EQ(read[3], infinity);
}

TEST("names and sizes of types") {
  CHECK(dtype_from_name("BF16") == DType::BF16);
  CHECK(!dtype_from_name("bf16").has_value());
  CHECK(!dtype_from_name("").has_value());
  CHECK_EQ(std::string(dtype_name(DType::F8_E4M3)), "F8_E4M3");
  CHECK_EQ(dtype_bits(DType::U64), 64);
  CHECK_EQ(dtype_bits(DType::F6_E2M3), 6);
  CHECK(dtype_from_job_name("bfloat16") == DType::BF16);
  CHECK_ERROR("request-invalid", dtype_from_job_name("BF16"));
  CHECK(!is_readable_float(DType::F8_E5M2));
}
