// Exact order statistics of more numbers than memory could hold, by radix selection on their bits.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace amalgam::merge {

/// Takes a piece of the numbers; `worker` tells apart calls that may run at once.
using TakeValues = std::function<void(const float* values, std::int64_t count, int worker)>;
/// Gives every number once, in any order and in pieces of any length, on up to `workers` threads. It is called once per
/// pass, and must give the same numbers each time.
using GiveValues = std::function<void(const TakeValues& take)>;

/// For every rank k (1 <= k <= how many numbers there are) the k-th largest magnitude, exactly. Two passes: the first
/// counts the upper 16 of a magnitude's 31 bits, the second the lower 15 of those that share the upper bits of a
/// result. Memory is about a megabyte per worker, whatever the number of values.
std::vector<float> largest_magnitudes(std::span<const std::int64_t> ranks, int workers, const GiveValues& give);

/// The passes that largest_magnitudes makes, for progress.
inline constexpr int selection_passes = 2;

}  // namespace amalgam::merge
