#include "merge/statistics.h"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "core/vectorised.h"

namespace amalgam::merge {

namespace {

constexpr std::uint32_t magnitude_bits = 0x7fffffffu;
constexpr int lower_bits = 15;
constexpr std::size_t upper_bins = std::size_t{1} << (31 - lower_bits);
constexpr std::size_t lower_bins = std::size_t{1} << lower_bits;
constexpr std::uint32_t lower_mask = lower_bins - 1;

/// Counts of the upper bits. Narrow counters are emptied into wide ones before they can overflow; neighbouring values
/// go to two tables, so that runs of equal ones do not wait for each other's increments.
class UpperCounts {
 public:
  UpperCounts() : even_(upper_bins), odd_(upper_bins), totals_(upper_bins) {}

  void add(const float* values, std::int64_t count) {
    constexpr std::int64_t most = std::int64_t{1} << 31;
    if (counted_ + count > most) flush();
    counted_ += count;
    std::uint32_t* even = even_.data();
    std::uint32_t* odd = odd_.data();
    std::int64_t i = 0;
    for (; i + 2 <= count; i += 2) {
      ++even[bin_of(values[i])];
      ++odd[bin_of(values[i + 1])];
    }
    if (i < count) ++even[bin_of(values[i])];
  }

  /// Adds all that was counted.
  void add_to(std::vector<std::uint64_t>& sums) {
    flush();
    for (std::size_t bin = 0; bin < upper_bins; ++bin) sums[bin] += totals_[bin];
  }

 private:
  static std::uint32_t bin_of(float value) {
    return (std::bit_cast<std::uint32_t>(value) & magnitude_bits) >> lower_bits;
  }

  void flush() {
    for (std::size_t bin = 0; bin < upper_bins; ++bin) totals_[bin] += even_[bin] + std::uint64_t{odd_[bin]};
    std::fill(even_.begin(), even_.end(), 0);
    std::fill(odd_.begin(), odd_.end(), 0);
    counted_ = 0;
  }

  std::vector<std::uint32_t> even_;
  std::vector<std::uint32_t> odd_;
  std::vector<std::uint64_t> totals_;
  std::int64_t counted_ = 0;
};

/// Counts of the lower bits of the values with given upper bits.
class LowerCounts {
 public:
  explicit LowerCounts(std::uint32_t upper) : upper_(upper), counts_(lower_bins) {}

  void add(const float* values, std::int64_t count) {
    // Few values match: most stretches are passed over by one comparison in vector code.
    constexpr std::int64_t stretch = 128;
    for (std::int64_t first = 0; first < count; first += stretch) {
      const std::int64_t length = std::min(stretch, count - first);
      const float* piece = values + first;
      std::uint32_t found = 0;
      core::vectorised([&]() AMALGAM_INLINE {
        std::uint32_t any = 0;
        for (std::int64_t i = 0; i < length; ++i) any |= static_cast<std::uint32_t>(matches(piece[i]));
        found = any;
      });
      if (found == 0) continue;
      for (std::int64_t i = 0; i < length; ++i) {
        if (matches(piece[i])) ++counts_[std::bit_cast<std::uint32_t>(piece[i]) & lower_mask];
      }
    }
  }

  void add_to(std::vector<std::uint64_t>& sums) const {
    for (std::size_t bin = 0; bin < lower_bins; ++bin) sums[bin] += counts_[bin];
  }

 private:
  AMALGAM_INLINE bool matches(float value) const {
    return (std::bit_cast<std::uint32_t>(value) & magnitude_bits) >> lower_bits == upper_;
  }

  std::uint32_t upper_;
  std::vector<std::uint64_t> counts_;
};

/// Where the value of a rank lies: its bin, and its rank among the values of that bin.
struct Place {
  std::uint32_t bin;
  std::int64_t rank;
};

Place place_of(const std::vector<std::uint64_t>& counts, std::int64_t rank) {
  for (std::size_t bin = counts.size(); bin-- > 0;) {
    const auto here = static_cast<std::int64_t>(counts[bin]);
    if (rank <= here) return {static_cast<std::uint32_t>(bin), rank};
    rank -= here;
  }
  throw std::logic_error("largest_magnitudes: a rank is larger than the number of values");
}

}  // namespace

std::vector<float> largest_magnitudes(std::span<const std::int64_t> ranks, int workers, const GiveValues& give) {
  std::vector<UpperCounts> upper(static_cast<std::size_t>(workers));
  give([&](const float* values, std::int64_t count, int worker) {
    upper[static_cast<std::size_t>(worker)].add(values, count);
  });
  std::vector<std::uint64_t> upper_sums(upper_bins);
  for (UpperCounts& counts : upper) counts.add_to(upper_sums);
  std::vector<Place> places;
  std::vector<std::uint32_t> bins;  // each once
  for (const std::int64_t rank : ranks) {
    places.push_back(place_of(upper_sums, rank));
    if (std::find(bins.begin(), bins.end(), places.back().bin) == bins.end()) bins.push_back(places.back().bin);
  }

  std::vector<std::vector<LowerCounts>> lower;
  for (int worker = 0; worker < workers; ++worker) lower.emplace_back(bins.begin(), bins.end());
  give([&](const float* values, std::int64_t count, int worker) {
    for (LowerCounts& counts : lower[static_cast<std::size_t>(worker)]) counts.add(values, count);
  });
  std::vector<float> result;
  for (const Place& place : places) {
    const auto number = static_cast<std::size_t>(std::find(bins.begin(), bins.end(), place.bin) - bins.begin());
    std::vector<std::uint64_t> sums(lower_bins);
    for (const auto& counts : lower) counts[number].add_to(sums);
    result.push_back(std::bit_cast<float>((place.bin << lower_bits) | place_of(sums, place.rank).bin));
  }
  return result;
}

}  // namespace amalgam::merge
