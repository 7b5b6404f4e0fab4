// Which examples a step learns from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace amalgam::learn {

/// The examples one after the other, over and over; shuffled (Fisher and Yates) anew for every time through, from the
/// seed. A step takes the next `batch` of them: where the examples end within a step, it goes on with the first ones of
/// the next time through.
class Order {
 public:
  Order(std::size_t examples, std::int64_t batch, bool is_shuffled, std::uint64_t seed);

  /// The examples of step t, t from 0.
  std::vector<std::size_t> batch(std::int64_t t) const;

 private:
  std::vector<std::size_t> epoch(std::int64_t number) const;

  std::size_t examples_;
  std::int64_t batch_;
  bool is_shuffled_;
  std::uint64_t seed_;
};

}  // namespace amalgam::learn
