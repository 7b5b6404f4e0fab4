// Which elements dropout keeps: the same on the processor and on cards, whatever the threads and the number of rows.
//
// Element (row, col) of an array has word col % 4 of Philox at the counter (col / 4, row, 0, 0) under the key's lower
// and upper halves. It is kept when word * 2^-32 >= rate, which is word >= dropout_threshold(rate), and is then
// multiplied by dropout_scale(rate); otherwise it becomes 0, whatever it was.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/philox.h"

namespace amalgam::ops {

/// The lowest word that is kept; rate in [0, 1).
inline std::uint32_t dropout_threshold(float rate) {
  return static_cast<std::uint32_t>(std::ceil(static_cast<double>(rate) * 0x1p32));
}

/// What kept elements are multiplied by: 1 / (1 - rate).
inline float dropout_scale(float rate) { return static_cast<float>(1.0 / (1.0 - static_cast<double>(rate))); }

/// The words of the columns 4 * group to 4 * group + 3 of a row.
AMALGAM_ANYWHERE core::PhiloxWords dropout_words(std::uint64_t key, std::uint32_t row, std::uint32_t group) {
  return core::philox({{group, row, 0, 0}}, static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32));
}

}  // namespace amalgam::ops
